"""The providers as they look on the wire, with a known truth and faults. Imports nothing of ours but the clock."""

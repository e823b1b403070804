"""Properties are judged by what they find, not by how fast a busy machine runs them.

Published lists and recordings lie beside the project. Where they are absent the tests that read them are not collected:
a skip would fail CI.
"""

from pathlib import Path

from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
collect_ignore_glob = [] if SHARED.is_dir() else ["*test_recorded_*.py"]

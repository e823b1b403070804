"""Where the official requirement model is absent its tests are not collected: a skip would fail CI."""

from tests.unit.focus.model import MODEL

collect_ignore_glob = [] if MODEL.is_file() else ["test_rules.py"]

"""A package, so that no library's own top-level `tests` can stand in for it."""

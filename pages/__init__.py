"""One flat script per page: load, analyse, draw. `_router.py` runs them."""

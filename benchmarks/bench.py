"""Our own speed, side by side with a peer in the same run: `python -m benchmarks.bench`, about a minute and a half.

Every figure is of this machine now; the ratios travel, the rest does not.
"""

import sys

from rich.console import Console
from rich.table import Table

from benchmarks import bills, cost, painting, polling, simulating, writing
from benchmarks.tables import Measured

PARTS = (simulating.measure, polling.measure, painting.measure, writing.measure, cost.measure, bills.measure)


def main() -> int:
    """Print one table per part as soon as it is measured."""
    console = Console(width=120)
    for part in PARTS:
        console.print(_table(part()))
    return 0


def _table(measured: Measured) -> Table:
    table = Table(*measured.columns, title=measured.title, caption=measured.note, title_justify="left")
    for row in measured.rows:
        table.add_row(*row)
    return table


if __name__ == "__main__":
    sys.exit(main())

"""What became of each rule of the FOCUS 1.2 requirement model, as docs/reference/focus.md shows it.

`python -m benchmarks.focus` prints the tables; a test holds the page to them. Whether the rules hold is for the tests.
"""

from tests.unit.focus.report import text

if __name__ == "__main__":
    print(text())

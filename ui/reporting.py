"""A verdict's report in every format, from its document: Markdown, one HTML file, PDF, JSON. No network, no browser."""

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from analysis.verdict import render
from analysis.verdict.report import report
from ui.charts import gates
from ui.charts.kit import Spec
from ui.verdict_view import gate_rows

# The light theme's colours of the nine meanings, in their order: outside of a page nothing fills the scale.
COLOURS = ("#46505E", "#2563EB", "#B9500B", "#0B7A63", "#9B1C31", "#7A5B00", "#7A3FC0", "#5B6472", "#11151A")
WIDTH_PX = 400

Document = Mapping[str, Any]


def made(said: Document, form: str) -> bytes:
    """The report in one of FORMATS."""
    return FORMATS[form](said)


def pictures(said: Document) -> dict[str, str]:
    """SVG of each candidate's gates, by the name that the report gives it."""
    return {
        f"gates {i}": svg(gates(gate_rows(row, simulated=said["simulated"])))
        for i, row in enumerate(said["candidates"])
        if row["gates"]
    }


def svg(spec: Spec) -> str:
    """A chart of the kit, drawn without a browser."""
    import vl_convert

    config = {**spec.get("config", {}), "range": {"category": list(COLOURS)}, "background": "white"}
    drawn: str = vl_convert.vegalite_to_svg({**spec, "width": WIDTH_PX, "config": config})
    return drawn


def _pdf(said: Document) -> bytes:
    import typst

    found, drawn = report(said), pictures(said)
    with tempfile.TemporaryDirectory() as folder:
        for name, picture in drawn.items():
            (Path(folder) / render.file_of(name)).write_text(picture, encoding="utf-8")
        source = Path(folder) / "report.typ"
        source.write_text(render.typst(found, drawn), encoding="utf-8")
        compiled: bytes = typst.compile(str(source))
    return compiled


def _json(said: Document) -> bytes:
    return (json.dumps(said, indent=1) + "\n").encode()


FORMATS: Mapping[str, Callable[[Document], bytes]] = {
    "md": lambda said: render.markdown(report(said)).encode(),
    "html": lambda said: render.html(report(said), pictures(said)).encode(),
    "pdf": _pdf,
    "json": _json,
}

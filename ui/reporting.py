"""A verdict's report in every format, from its document: Markdown, one HTML file, PDF, JSON, and all of them in a zip.

No network, no browser.
"""

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from analysis.verdict import render
from analysis.verdict.document import shown
from analysis.verdict.report import Report, report
from ui import turns_view
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
    """SVG of each candidate's gates, and of what would change the verdict, by the names that the report gives them."""
    drawn = {
        f"gates {i}": gates(gate_rows(row, simulated=said["simulated"]))
        for i, row in enumerate(said["candidates"])
        if row["gates"]
    }
    return {name: svg(spec) for name, spec in {**drawn, **_turning(said)}.items()}


def _turning(said: Document) -> dict[str, Spec]:
    row, found = said["candidates"][shown(said)], {}
    if not turns_view.lines(said["volumes"], said, row["workflow"]).is_empty():
        found["volume"] = turns_view.volume_spec(said["volumes"], said, row["workflow"])
    bars = turns_view.bars(said.get("turns", ()), said, candidate=row["candidate"])
    return found if bars.rows.is_empty() else {**found, "tornado": bars.spec}


def svg(spec: Spec) -> str:
    """A chart of the kit, drawn without a browser."""
    import vl_convert

    config = {**spec.get("config", {}), "range": {"category": list(COLOURS)}, "background": "white"}
    drawn: str = vl_convert.vegalite_to_svg({**spec, "width": WIDTH_PX, "config": config})
    return drawn


def pdf(found: Report, drawn: Mapping[str, str]) -> bytes:
    """drawn: SVG by the names that the report gives them."""
    import typst

    with tempfile.TemporaryDirectory() as folder:
        for name, picture in drawn.items():
            (Path(folder) / render.file_of(name)).write_text(picture, encoding="utf-8")
        source = Path(folder) / "report.typ"
        source.write_text(render.typst(found, drawn), encoding="utf-8")
        compiled: bytes = typst.compile(str(source))
    return compiled


def file_name(said: Document, form: str) -> str:
    """SIMULATED-verdict-7f3a7f3a.pdf"""
    marked = "SIMULATED-" if said["simulated"] else ""
    return f"{marked}verdict-{said['snapshot'][:8] or 'not-frozen'}.{form}"


def _zip(said: Document) -> bytes:
    """Every other format in one file, the same bytes each time."""
    target = io.BytesIO()
    made_at = datetime.fromisoformat(said["made_at"]).timetuple()[:6]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for form in FORMATS:
            if form != "zip":
                entry = zipfile.ZipInfo(file_name(said, form), made_at)
                file.writestr(entry, made(said, form), zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _json(said: Document) -> bytes:
    return (json.dumps(said, indent=1) + "\n").encode()


FORMATS: Mapping[str, Callable[[Document], bytes]] = {
    "md": lambda said: render.markdown(report(said)).encode(),
    "html": lambda said: render.html(report(said), pictures(said)).encode(),
    "pdf": lambda said: pdf(report(said), pictures(said)),
    "json": _json,
    "zip": _zip,
}

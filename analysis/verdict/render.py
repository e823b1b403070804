"""A report as text: Markdown for wikis, one HTML file, Typst's source for the PDF, a short message for chat."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from analysis.verdict.measured import Section, Table
from analysis.verdict.report import Report

Pictures = Mapping[str, str]  # name -> SVG
SHORT_TABLE = 12  # rows: it stays on one page with its heading
MOST_MOVES = 4  # in a message: with its other lines no more than 12

_CSS = """:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:66rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.8rem;line-height:1.2}h2{font-size:1.15rem;margin-top:2rem}h1,p{overflow-wrap:anywhere}
.marked{color:#7A3FC0;color:light-dark(#7A3FC0,#C5A1F7);font-weight:600}
.stamp,.under{color:#5B6472;color:light-dark(#5B6472,#A2A9B5)}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #8884;vertical-align:top}
.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));gap:1rem;margin:1rem 0}
figure{margin:0;color:#11151A;background:#fff}
figure svg{max-width:100%;height:auto}figcaption{padding:.3rem;font-weight:600}
.wide{overflow-x:auto}.wide table{min-width:40rem}
@media print{h2{break-after:avoid}.first+.rest{break-before:page}}"""
_HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">"""

# The page for finance in the largest type in which it is one page.
_ONE_PAGE = """#layout(size => {
  let fits(em) = measure(width: size.width, { set text(size: em); first }).height <= size.height
  let em = (9.5pt, 9pt, 8.5pt, 8pt, 7.5pt, 7pt).find(fits)
  set text(size: if em == none { 7pt } else { em })
  first
})"""


def markdown(report: Report) -> str:
    """GitHub's Markdown; no pictures: tables say the same."""
    parts = [*([f"**{_md(report.marked)}**"] if report.marked else []), _md(report.stamp), f"# {_md(report.headline)}"]
    parts += [_md(line) for line in report.under]
    for section in (*report.first, *report.rest):
        parts += [f"## {_md(section.title)}", *(_md(line) for line in section.lines)]
        if section.table is not None:
            parts.append(_md_table(section.table))
    return "\n\n".join(parts) + "\n"


def html(report: Report, pictures: Pictures) -> str:
    """One file that asks the network for nothing."""
    marked = f'<p class="marked">{escape(report.marked)}</p>' if report.marked else ""
    under = "".join(f'<p class="under">{escape(line)}</p>' for line in report.under)
    first = "".join(_html(section, pictures, "first") for section in report.first)
    rest = "".join(_html(section, pictures, "rest") for section in report.rest)
    stamp, headline = escape(report.stamp), escape(report.headline)
    return (
        f"{_HEAD}<title>{headline}</title><style>{_CSS}</style></head><body>{marked}"
        f'<p class="stamp">{stamp}</p><h1>{headline}</h1>{under}{first}{rest}</body></html>\n'
    )


def typst(report: Report, pictures: Iterable[str]) -> str:
    """Typst's source; a picture is a file of its name with `.svg`, blanks as `-`."""
    known = set(pictures)
    marked = f'#h(1fr) #text(fill: rgb("#7A3FC0"), weight: "bold")[{_typ(report.marked)}]' if report.marked else ""
    head = (
        f"#set document(title: [{_typ(report.headline)}], date: none)\n"  # when it was made says the stamp
        '#set page(paper: "a4", margin: (x: 18mm, top: 20mm, bottom: 16mm), numbering: "1 / 1",\n'
        f"  header: text(size: 8pt, fill: luma(90))[{_typ(report.stamp)} {marked}])\n"
        "#set text(size: 9.5pt)\n#set par(justify: false, spacing: 0.75em)\n"
        "#show heading.where(level: 1): set block(below: 0.9em)\n"
        "#show heading.where(level: 2): set text(size: 0.97em)\n"
        "#set table(stroke: (x: none, y: 0.4pt + luma(200)), inset: (x: 3pt, y: 2.5pt))\n"
    )
    parts = [head, "#let first = [", f"= {_typ(report.headline)}\n"]
    parts += [f"{_typ(line)}\n" for line in report.under]
    parts += [_typst(section, known) for section in report.first]
    parts += ["]", _ONE_PAGE, "#pagebreak(weak: true)\n"]
    parts += [_typst(section, known) for section in report.rest]
    return "\n".join(parts)


def message(report: Report, *, link: str = "") -> str:
    """At most 12 lines for chat, as the team writes them. A stranger's text stays within its line."""
    found = report.first[0].table
    moves = [f"- {row[0]} on {row[1]}: {row[2]}. {row[-1]}" for row in (found.rows if found else ())]
    if len(moves) > MOST_MOVES:
        moves = [*moves[: MOST_MOVES - 1], f"- and {len(moves) - MOST_MOVES + 1} more"]
    lines = [report.event, report.marked, report.headline, *report.under, *moves, link]
    return "\n".join(" ".join(line.split()) for line in lines if line)


def file_of(picture: str) -> str:
    """gates-0.svg."""
    return f"{picture.replace(' ', '-')}.svg"


def _html(section: Section, pictures: Pictures, kind: str) -> str:
    lines = "".join(f"<p>{escape(line)}</p>" for line in section.lines)
    table = _html_table(section.table) if section.table is not None else ""
    figures = "".join(
        f"<figure><figcaption>{escape(caption)}</figcaption>{pictures[name]}</figure>"
        for name, caption in section.pictures
        if name in pictures
    )
    drawn = f'<div class="pictures">{figures}</div>' if figures else ""
    return f'<section class="{kind}"><h2>{escape(section.title)}</h2>{lines}{table}{drawn}</section>'


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.head)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _typst(section: Section, known: set[str]) -> str:
    parts = [f"== {_typ(section.title)}", *(f"{_typ(line)}\n" for line in section.lines)]
    if section.table is not None:
        parts.append(_typst_table(section.table))
    drawn = [
        f'[*{_typ(caption)}* #image("{file_of(name)}", width: 100%)]'
        for name, caption in section.pictures
        if name in known
    ]
    if drawn:
        parts.append(f"#grid(columns: (1fr, 1fr), gutter: 6pt, {', '.join(drawn)})")
    whole = "\n".join(parts) + "\n"
    short = section.table is not None and len(section.table.rows) <= SHORT_TABLE
    return f"#block(breakable: false, above: 1.2em)[\n{whole}]\n" if short else whole


def _typst_table(table: Table) -> str:
    head = ", ".join(f"[*{_typ(name)}*]" for name in table.head)
    rows = ",\n".join(", ".join(f"[{_typ(cell)}]" for cell in row) for row in table.rows)
    columns = ", ".join(["auto"] * (len(table.head) - 1) + ["1fr"])
    return f"#text(size: 0.8em, table(columns: ({columns},), table.header({head}),\n{rows}))"


def _md_table(table: Table) -> str:
    lines = [_md_row(table.head), _md_row(["---"] * len(table.head)), *(_md_row(row) for row in table.rows)]
    return "\n".join(lines)


def _md_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell if cell == "---" else _md(cell) for cell in cells) + " |"


def _md(text: str) -> str:
    """A stranger's words stay words."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#$" else sign for sign in " ".join(text.split()))


def _typ(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#$@~=+-/\"'" else sign for sign in " ".join(text.split()))

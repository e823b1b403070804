"""What stands behind a verdict's numbers, as the report's tables for engineers."""

from typing import Any

import pytest

from analysis.verdict.measured import Section
from analysis.verdict.render import html, markdown, typst
from analysis.verdict.report import report
from tests.unit.analysis.test_verdict_report import HOSTILE, Shape, said

ROWS: dict[str, list[dict[str, Any]]] = {
    "gaps": [
        {
            "backend": "runpod",
            "deployment": "bo-1-2",
            "start": "2026-11-05T14:00:00+00:00",
            "end": "2026-11-05T15:00:00+00:00",
        }
    ],
    "failures": [
        {
            "workflow": "flux-dev", "backend": "vast", "gpu": "L40S", "failure_class": "provider",
            "reason": "host_died", "jobs": 3, "n": 640, "example_job": 912, "said": "the instance is gone",
        },
        {
            "workflow": "flux-dev", "backend": "vast", "gpu": "L40S", "failure_class": "quality",
            "reason": "image_broken", "jobs": 1, "n": 640, "example_job": 77, "said": None,
        },
    ],
    "images": [
        {"workflow": "flux-dev", "backend": "vast", "quality": "undecided", "why": "9 of 60 pairs differ; not judged"}
    ],
    "figures": [
        {
            "workflow": "flux-dev", "backend": "vast", "n": 34, "sharpness": 812.4, "sharpness_lo": 700.0,
            "sharpness_hi": 901.2, "brightness": 121.0, "brightness_lo": None, "brightness_hi": None, "contrast": 54.0,
            "contrast_lo": None, "contrast_hi": None, "colourfulness": 38.2, "colourfulness_lo": 35.0,
            "colourfulness_hi": 41.0,
        }
    ],
    "effort": [
        {
            "backend": "vast", "kind": "deploy", "measured": True, "n": 40, "minutes": 96.04, "median_minutes": 0.04,
            "longest_minutes": 4.0,
        },
        {
            "backend": "vast", "kind": "debug", "measured": False, "n": 1, "minutes": 45.0, "median_minutes": 45.0,
            "longest_minutes": 45.0,
        },
    ],
    "parity": [
        {"backend": "runpod", "item": "secrets", "words": "with work", "note": "by env", "by": "ben"},
        {"backend": "vast", "item": "secrets", "words": None, "note": "", "by": ""},
    ],
    "samples": [
        {
            "run_id": 7, "block": 3, "workflow": "flux-dev", "backend": "vast", "gpu": "L40S", "deployment": "bo-7-3",
            "provider_id": "1234567", "jobs": 17, "numbers": "881–896, 1204",
        }
    ],
}  # fmt: skip
SHOWN = [
    ("gaps", "C. Gaps in the bills", [["Runpod", "2026-11-05 14:00", "2026-11-05 15:00", "bo-1-2"]]),
    (
        "failures",
        "E. Failures",
        [
            ["flux-dev", "Vast.ai", "L40S", "provider", "host_died", "3", "640", "job 912", "the instance is gone"],
            ["flux-dev", "Vast.ai", "L40S", "quality", "image_broken", "1", "640", "job 77", "–"],
        ],
    ),
    (
        "images",
        "F. Images: pairs and votes",
        [["flux-dev", "Vast.ai", "open", "9 of 60 pairs differ; not judged"]],
    ),
    (
        "figures",
        "F. Images: the team's figures",
        [
            [
                "flux-dev",
                "Vast.ai",
                "34",
                "812 [700, 901]",
                "121, too few for limits",
                "54, too few for limits",
                "38 [35, 41]",
            ]
        ],
    ),
    (
        "effort",
        "G. Operations",
        [
            ["Vast.ai", "deploy", "measured", "40", "96.0", "< 0.1", "4.0"],
            ["Vast.ai", "debug", "people", "1", "45.0", "45.0", "45.0"],
        ],
    ),
    (
        "parity",
        "G. Parity with production",
        [["Runpod", "secrets", "with work", "ben", "by env"], ["Vast.ai", "secrets", "not answered", "–", "–"]],
    ),
    (
        "samples",
        "K. Raw samples",
        [["7", "3", "flux-dev", "Vast.ai", "L40S", "17", "881–896, 1204", "bo-7-3", "1234567"]],
    ),
]


def appendices(rows: dict[str, Any]) -> dict[str, Section]:
    return {section.title: section for section in report(said() | {"appendix": rows}).rest}


@pytest.mark.parametrize(("subject", "title", "table"), SHOWN)
def test_each_subject_has_its_table_and_none_where_nothing_is_known(
    subject: str, title: str, table: list[list[str]]
) -> None:
    found = appendices({subject: ROWS[subject]})

    assert found[title].table is not None
    assert [list(row) for row in found[title].table.rows] == table
    assert {len(row) for row in table} == {len(found[title].table.head)}
    assert title not in appendices({**ROWS, subject: []})


def test_they_come_in_the_order_of_their_letters_and_samples_last() -> None:
    letters = [title[0] for title in appendices(ROWS) if title[1] == "."]

    assert "".join(dict.fromkeys(letters)) == "ABCEFGHJK"
    assert [*appendices(ROWS)][-1] == "K. Raw samples"


def test_a_document_from_before_there_were_any_has_none() -> None:
    old = {name: value for name, value in said().items() if name != "appendix"}

    assert not {title for _, title, _ in SHOWN} & {section.title for section in report(old).rest}


def test_what_a_provider_said_stays_words() -> None:
    hostile = [{**ROWS["failures"][0], "said": HOSTILE}]
    made = report(said() | {"appendix": {"failures": hostile}})
    shape = Shape()
    shape.feed(html(made, {}))

    assert "script" not in shape.tags
    assert "\\<script\\>" in markdown(made)
    assert "\\#import \\$x\\$" in typst(made, ())

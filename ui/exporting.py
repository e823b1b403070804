"""`/export/<snapshot>?format=`: the report of a frozen snapshot, made when it is asked for."""

import re
from threading import Lock

from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from analysis.verdict.frozen import SnapshotError
from analysis.verdict.turns import explained
from storage import verdicts
from storage.card_values import CardRefused
from storage.db import StorageError
from ui.reporting import FORMATS, file_name, made
from ui.source import source

_NAME = re.compile(r"[0-9a-f]{8,64}")
_KINDS = {
    "md": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "json": "application/json",
    "zip": "application/zip",
}
# A page that asks for nothing and runs nothing: what strangers wrote in it cannot either.
_SANDBOX = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
_making = Lock()  # one report at a time: pictures and PDF take a core for seconds


def export(request: Request) -> Response:
    """The report, or a sentence: 400 not understood, 404 not there, 409 changed since, 503 no tables to read."""
    name, form = request.path_params["snapshot"].lower(), request.query_params.get("format", "html")
    if form not in FORMATS:
        return _refusal(400, f"A report is one of {', '.join(FORMATS)}, not {form[:40]!r}: name it with ?format=.")
    if not _NAME.fullmatch(name):
        return _refusal(400, "A snapshot is named by the first 8 to 64 signs of its hash: digits and a to f.")
    here = source()
    if here.state != "current":
        return _refusal(503, f"The database is {here.state}: start the collector, or run `bakeoff migrate`.")
    try:
        with _making:
            with here.reading() as session:
                said = verdicts.told(session, here.blobs, name, now=here.now(), tell=explained)
            content = made(said, form)
    except CardRefused as error:
        return _refusal(404, str(error))
    except SnapshotError as error:
        return _refusal(409, str(error))
    except (StorageError, DBAPIError) as error:
        return _refusal(503, str(error))
    return _report(content, form, file_name(said, form))


def _report(content: bytes, form: str, file: str) -> Response:
    """HTML is read where it is; every other format is a file to keep."""
    place = "inline" if form == "html" else "attachment"
    headers = {"Content-Disposition": f'{place}; filename="{file}"', "Cache-Control": "private, no-store"}
    return Response(content, media_type=_KINDS[form], headers=headers | (_SANDBOX if form == "html" else {}))


def _refusal(status: int, sentence: str) -> Response:
    return PlainTextResponse(sentence, status_code=status)

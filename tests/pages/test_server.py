"""What the web server does beside the pages."""

import io
import shutil
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlmodel import Session, select
from starlette.applications import Starlette

from analysis.pictures import pixels
from storage.blobs import Blobs
from storage.db import DataFolder, open_reader
from storage.models import Image
from tests.pages import campaign, seed
from tests.unit.analysis import hostile_pictures as hostile
from ui.server import MIDDLEWARE, ROUTES


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch, empty: Path) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setenv("BAKEOFF_DATA_DIR", str(empty))
    app = Starlette(routes=ROUTES, middleware=MIDDLEWARE)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as client:
        yield client


async def test_health_is_200_and_tells_how_long_the_collector_was_silent(
    client: httpx.AsyncClient, empty: Path
) -> None:
    seed.beat(empty, silent_s=90)

    reply = await client.get("/api/health")

    assert reply.status_code == 200
    assert reply.json()["status"] == "ok"
    assert 89 < reply.json()["collector_silent_s"] < 120


@pytest.mark.parametrize("where", ["nowhere", "."])
async def test_health_is_503_without_a_database(
    client: httpx.AsyncClient, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_DATA_DIR", str(tmp_path / where))

    reply = await client.get("/api/health")

    assert reply.status_code == 503
    assert reply.json()["database"] == "behind"


async def test_health_is_503_when_the_file_is_no_database(client: httpx.AsyncClient, empty: Path) -> None:
    DataFolder(empty).db.write_bytes(b"this is no database at all" * 1000)

    reply = await client.get("/api/health")

    assert reply.status_code == 503
    assert reply.json()["status"] == "unreadable"


async def test_an_image_is_served_by_its_hash_and_kept_for_ever(
    client: httpx.AsyncClient, seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_DATA_DIR", str(seeded))
    with Session(open_reader(DataFolder(seeded).db)) as session:
        image = session.exec(select(Image)).first()

    full, thumbnail = [await client.get(f"/blob/{sha}") for sha in (image.sha256, image.thumbnail_sha256)]

    assert (full.headers["content-type"], thumbnail.headers["content-type"]) == ("image/png", "image/webp")
    assert full.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert full.headers["x-content-type-options"] == "nosniff"
    assert full.content.startswith(b"\x89PNG")
    assert full.headers["content-disposition"] == f'inline; filename="{image.sha256}.png"'
    assert thumbnail.headers["content-disposition"] == f'inline; filename="{image.thumbnail_sha256}.webp"'
    assert "default-src 'none'; sandbox" in full.headers.get_list("content-security-policy")


@pytest.mark.parametrize("make", [hostile.png, hostile.jpeg, hostile.webp])
async def test_nothing_that_an_image_carries_beside_its_pixels_is_served(  # type: ignore[no-untyped-def]
    client: httpx.AsyncClient, empty: Path, monkeypatch: pytest.MonkeyPatch, make
) -> None:
    monkeypatch.setenv("BAKEOFF_DATA_DIR", str(empty))
    blobs = Blobs(DataFolder(empty).blobs)
    reply = await client.get(f"/blob/{blobs.put(make(48, 32))}")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png")
    assert b"secret" not in reply.content
    assert pixels(reply.content).size == (48, 32)


@pytest.mark.parametrize("image", [hostile.bomb(4096, 4096), hostile.claims(100, 50), hostile.other("GIF"), b"<svg/>"])
async def test_an_image_that_means_harm_is_not_served(
    client: httpx.AsyncClient, empty: Path, monkeypatch: pytest.MonkeyPatch, image: bytes
) -> None:
    monkeypatch.setenv("BAKEOFF_DATA_DIR", str(empty))
    assert (await client.get(f"/blob/{Blobs(DataFolder(empty).blobs).put(image)}")).status_code == 404


@pytest.mark.parametrize(
    "name",
    ["0" * 64, "0" * 63, "..%2f..%2fbakeoff.db", "%2e%2e%2fbakeoff.db", "A" * 64, "bakeoff.db", f"{'0' * 64}.png"],
)
async def test_nothing_but_an_image_that_is_there_is_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/blob/{name}")).status_code == 404


async def test_a_blob_that_is_no_image_is_not_served(client: httpx.AsyncClient, empty: Path) -> None:
    sha = Blobs(DataFolder(empty).blobs).put(b"<html><script>alert(1)</script></html>")
    assert (await client.get(f"/blob/{sha}")).status_code == 404


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a frozen snapshot, and its hash."""
    folder = campaign.build(tmp_path_factory.mktemp("shared"))
    return folder.path, campaign.frozen(folder)


async def test_a_zip_holds_every_format_and_is_the_same_bytes_twice(
    client: httpx.AsyncClient, shared: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, digest = shared
    monkeypatch.setenv("BAKEOFF_DATA_DIR", str(folder))
    first, again = [(await client.get(f"/export/{digest[:16]}?format=zip")).content for _ in range(2)]

    assert first == again
    with zipfile.ZipFile(io.BytesIO(first)) as file:
        inside = {name: file.read(name) for name in file.namelist()}
    assert {name.rpartition(".")[2] for name in inside} == {"md", "html", "pdf", "json"}
    assert {name.rpartition(".")[0] for name in inside} == {f"SIMULATED-verdict-{digest[:8]}"}
    assert inside[f"SIMULATED-verdict-{digest[:8]}.md"] == (
        (await client.get(f"/export/{digest[:16]}?format=md")).content
    )


async def test_a_frozen_snapshot_s_report_is_served_in_every_format(
    client: httpx.AsyncClient, shared: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, digest = shared
    monkeypatch.setenv("BAKEOFF_DATA_DIR", str(folder))
    begins = {"md": b"**SIMULATED: ", "html": b"<!doctype html>", "pdf": b"%PDF-", "json": b"{"}
    replies = {form: await client.get(f"/export/{digest[:16]}?format={form}") for form in begins}

    assert {form: (reply.status_code, reply.content.startswith(begins[form])) for form, reply in replies.items()} == (
        dict.fromkeys(begins, (200, True))
    )
    assert replies["json"].json()["snapshot"] == digest
    assert replies["html"].text.count("<svg") == 4  # gates of two candidates, cost against volume, and what is assumed
    names = {form: reply.headers["content-disposition"] for form, reply in replies.items()}
    assert names["pdf"] == f'attachment; filename="SIMULATED-verdict-{digest[:8]}.pdf"'
    assert names["html"].startswith("inline")
    assert any("sandbox" in policy for policy in replies["html"].headers.get_list("content-security-policy"))
    assert (await client.get(f"/export/{digest.upper()}")).content == replies["html"].content


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("0" * 16, 404, "no snapshot that begins with '0000000000000000'"),
        ("0" * 7, 400, "first 8 to 64 signs"),
        ("..%2f..%2fbakeoff.db", 404, ""),
        ("zzzzzzzzzz", 400, "first 8 to 64 signs"),
        (f"{'0' * 16}?format=doc", 400, "one of md, html, pdf, json, zip, not 'doc'"),
    ],
)
async def test_a_report_that_there_is_not_is_a_sentence(
    client: httpx.AsyncClient, path: str, status: int, said: str
) -> None:
    reply = await client.get(f"/export/{path}")

    assert reply.status_code == status
    assert said in reply.text
    assert reply.headers["content-type"].startswith("text/plain")


async def test_a_snapshot_whose_bytes_were_changed_or_are_gone_has_no_report(
    client: httpx.AsyncClient, shared: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, digest = shared
    own = Path(shutil.copytree(folder, tmp_path / "own"))
    monkeypatch.setenv("BAKEOFF_DATA_DIR", str(own))
    path = Blobs(DataFolder(own).blobs).path(digest)
    path.write_bytes(path.read_bytes().replace(b'"jobs":1440', b'"jobs":9440'))
    changed = await client.get(f"/export/{digest}?format=json")
    path.unlink()
    gone = await client.get(f"/export/{digest}?format=json")

    assert (changed.status_code, gone.status_code) == (409, 404)
    assert "has been changed" in changed.text
    assert "gone from the blob folder" in gone.text


async def test_without_tables_a_report_says_how_to_begin(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_DATA_DIR", str(tmp_path / "nowhere"))
    reply = await client.get(f"/export/{'0' * 16}")

    assert reply.status_code == 503
    assert "`bakeoff migrate`" in reply.text


async def test_every_reply_carries_the_security_headers(client: httpx.AsyncClient) -> None:
    for path in ("/api/health", "/blob/x", "/export/x", "/no/such/route"):
        headers = (await client.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"

"""Requests to the running server: the guard, uploads, downloads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from viewer_page import write_head

from monai_gan.errors import InputError
from monai_gan.viewer.address import check_address
from monai_gan.viewer.guard import Guard
from monai_gan.viewer.routes import Routes
from monai_gan.viewer.workspace import Workspace

aiohttp = pytest.importorskip("aiohttp", reason="the extra viewer is not installed")
TOKEN = "0123456789abcdef"


class Place:
    """The routes over a page that only says hello, and what they have told."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", token: str | None = None, limit: int = 10**6) -> None:
        self.opened: list[list[str]] = []
        self.refused: list[str] = []
        self.downloads: list[Path] = []
        self.workspace = Workspace(folder)
        self.routes = Routes(
            Guard(check_address(host, 0, token)),
            self.workspace,
            limit,
            opened=self._open,
            refused=lambda error: self.refused.append(str(error)),
            downloads=lambda: self.downloads,
        )

    def _open(self, files: Sequence[Path]) -> None:
        assert all(file.is_file() for file in files)
        self.opened.append([file.name for file in files])

    def run(self, talk: Callable[[Any], Awaitable[None]]) -> None:
        """Serve while a client talks."""
        from aiohttp import web
        from aiohttp.test_utils import TestClient, TestServer

        async def hello(request: Any) -> Any:
            return web.Response(text="hello")

        async def main() -> None:
            application = web.Application()
            application.add_routes([web.get("/", hello)])
            self.routes.attach(application)
            async with TestClient(TestServer(application)) as client:
                await talk(client)

        asyncio.run(main())

    @property
    def left(self) -> list[Path]:
        """What lies in the private folder."""
        return list(self.workspace.root.iterdir())


def form(*files: tuple[str, bytes]) -> Any:
    data = aiohttp.FormData(quote_fields=False)  # names as they are, also with slashes
    for name, content in files:
        data.add_field("file", content, filename=name)
    return data


def test_only_the_own_page_is_served_and_nothing_of_other_sites_is_loaded(tmp_path: Path) -> None:
    async def talk(client: Any) -> None:
        answer = await client.get("/")
        assert (answer.status, await answer.text()) == (200, "hello")
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert (await client.get("/", headers={"Host": "evil.example"})).status == 403
        assert (await client.post("/viewer/upload", headers={"Origin": "http://evil.example"})).status == 403
        missing = await client.get("/absent")
        assert missing.status == 404
        assert missing.headers["X-Content-Type-Options"] == "nosniff"

    Place(tmp_path).run(talk)


def test_the_token_moves_from_the_address_into_a_cookie(tmp_path: Path) -> None:
    async def talk(client: Any) -> None:
        refused = await client.get("/")
        assert refused.status == 401
        assert "token is missing" in await refused.text()
        assert (await client.get("/?token=wrong")).status == 401
        assert (await client.post(f"/viewer/upload?token=wrong{TOKEN}")).status == 401
        answer = await client.get(f"/?token={TOKEN}&x=1", allow_redirects=False)
        assert answer.status == 302
        assert answer.headers["Location"] == "/?x=1"
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert (await client.get("/")).status == 200

    Place(tmp_path, "0.0.0.0", TOKEN).run(talk)


def test_an_upload_is_opened_and_removed(tmp_path: Path) -> None:
    place = Place(tmp_path)
    content = write_head(tmp_path / "head.nii.gz").read_bytes()

    async def talk(client: Any) -> None:
        answer = await client.post("/viewer/upload", data=form(("../head.nii.gz", content)))
        assert (answer.status, await answer.json()) == (200, {"files": 1})

    place.run(talk)
    assert place.opened == [["head.nii.gz"]]
    assert place.left == []


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ([("notes.nii", b"not an image" * 50)], "'notes.nii' is no image"),
        ([("large.nii", b"0" * 3_000_000)], "larger than 1 MB"),
        ([], "No file was given"),
    ],
    ids=["wrong-kind", "too-large", "no-file"],
)
def test_an_upload_that_is_refused_is_removed(files: list[tuple[str, bytes]], text: str, tmp_path: Path) -> None:
    place = Place(tmp_path)

    async def talk(client: Any) -> None:
        data = form(*files) if files else form_without_files()
        answer = await client.post("/viewer/upload", data=data)
        assert answer.status == 400
        assert text in (await answer.json())["error"]

    place.run(talk)
    assert place.opened == []
    assert text in place.refused[0]
    assert place.left == []


def form_without_files() -> Any:
    with aiohttp.MultipartWriter("form-data") as writer:
        writer.append("x").set_content_disposition("form-data", name="x")
    return writer


def test_a_file_that_cannot_be_opened_is_told_and_removed(tmp_path: Path) -> None:
    place = Place(tmp_path)
    content = write_head(tmp_path / "head.nii.gz").read_bytes()

    def fail(files: Sequence[Path]) -> None:
        raise InputError("It is damaged: export it again.")

    place.routes._opened = fail

    async def talk(client: Any) -> None:
        assert (await client.post("/viewer/upload", data=form(("head.nii.gz", content)))).status == 400
        plain = await client.post("/viewer/upload", data=b"raw")
        assert "is no upload" in (await plain.json())["error"]

    place.run(talk)
    assert place.refused[0] == "It is damaged: export it again."
    assert place.left == []


def test_results_are_downloaded_by_number_and_nothing_else_is(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "result.nii.gz").write_bytes(b"voxels")
    place.downloads = [tmp_path / "result.nii.gz"]

    async def talk(client: Any) -> None:
        answer = await client.get("/viewer/download/0")
        assert await answer.read() == b"voxels"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="result.nii.gz"'
        for other in ("1", "-1", "..%2F..%2Fetc%2Fpasswd", "%00"):
            assert (await client.get(f"/viewer/download/{other}")).status == 404

    place.run(talk)

"""What the viewer serves beside its page: uploads in, results out; and the guard before everything."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from monai_gan.errors import InputError
from monai_gan.viewer.formats import check_images
from monai_gan.viewer.guard import HEADERS, Guard
from monai_gan.viewer.uploads import UNPACKED, Upload
from monai_gan.viewer.workspace import Workspace

UPLOAD = "/viewer/upload"
DOWNLOAD = "/viewer/download"
_PIECE = 1 << 18

Handler = Callable[[Any], Awaitable[Any]]


class Routes:
    """Handles requests that are not the page's own.

    Args:
        guard: judges every request.
        workspace: uploads lie in it while they are read.
        limit: bytes of one upload.
        opened: takes the files of an upload that was checked; raises `InputError` when they cannot be read.
        refused: told why an upload was refused.
        downloads: gives the files that can be downloaded, by number.
    """

    def __init__(
        self,
        guard: Guard,
        workspace: Workspace,
        limit: int,
        *,
        opened: Callable[[Sequence[Path]], None],
        refused: Callable[[InputError], None],
        downloads: Callable[[], Sequence[Path]],
    ) -> None:
        self._guard, self._workspace, self._limit = guard, workspace, limit
        self._opened, self._refused, self._downloads = opened, refused, downloads

    def attach(self, application: Any) -> None:
        """Add the routes and the guard to an aiohttp application that does not run yet."""
        from aiohttp import web

        @web.middleware
        async def judge(request: Any, handler: Handler) -> Any:
            return await self.judge(request, handler)

        application.middlewares.append(judge)
        application.add_routes([web.post(UPLOAD, self.upload), web.get(DOWNLOAD + "/{number}", self.download)])

    async def judge(self, request: Any, handler: Handler) -> Any:
        """Refuse what the guard refuses; a right token in the query moves into a cookie."""
        from aiohttp import web

        given = request.query.get("token")
        refusal = self._guard.refusal(
            request.headers.get("Host", ""),
            request.headers.get("Origin"),
            given if given is not None else request.cookies.get(self._guard.cookie),
        )
        response: Any
        if refusal is not None:
            response = web.Response(status=refusal.status, text=refusal.text + "\n")
        elif given is not None and self._guard.address.token and request.method == "GET":
            rest = str(request.rel_url.without_query_params("token"))
            response = web.Response(status=302, headers={"Location": rest})  # the token stays out of the history
            response.set_cookie(self._guard.cookie, given, httponly=True, samesite="Strict", path="/")
        else:
            try:
                response = await handler(request)
            except web.HTTPException as answer:
                answer.headers.update(HEADERS)
                raise
        if not response.prepared:  # a web socket has sent its headers
            response.headers.update(HEADERS)
        return response

    async def upload(self, request: Any) -> Any:
        """Take in the files of a form, check them, open them and remove them."""
        from aiohttp import web

        folder = self._workspace.folder("upload")
        try:
            upload = Upload(folder, self._limit)
            upload.check_announced(request.content_length)
            if not request.content_type.startswith("multipart/"):
                raise InputError(f"content_type={request.content_type!r} is no upload: send a form with files.")
            async for part in await request.multipart():
                if getattr(part, "filename", None):
                    await upload.take(part.filename, _pieces(part))
            check_images(upload.files, UNPACKED * self._limit)
            self._opened(upload.files)
        except InputError as error:
            self._refused(error)
            return web.json_response({"error": str(error)}, status=400)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return web.json_response({"files": len(upload.files)})

    async def download(self, request: Any) -> Any:
        """Send a file of the latest result."""
        from aiohttp import web

        files, number = list(self._downloads()), request.match_info["number"]
        if not number.isdecimal() or int(number) >= len(files):
            raise web.HTTPNotFound(text=f"There is no result {number}: run a job first.\n")
        path = files[int(number)]
        headers = {"Content-Disposition": f'attachment; filename="{path.name}"', "Cache-Control": "no-store"}
        return web.FileResponse(path, headers=headers)


async def _pieces(part: Any) -> AsyncIterator[bytes]:
    while piece := await part.read_chunk(_PIECE):
        yield piece

"""A web server that serves files from memory, well or badly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote

from loopback import LoopbackServer


@dataclass
class UnreliableServer(LoopbackServer):
    """Serves ``files`` by name below its address.

    Args:
        files: content by name.
        drops: for each request of a zip in turn, how many bytes are sent before the connection is closed; None: all.
        statuses: for each request of any file in turn, an answer other than the file; None: the file.
        ignore_range: send every file from its beginning.
        wrong_range: answer a range with bytes from elsewhere.
        hide_length: state no length.
        redirect: lead every request to this address.

    Attributes:
        requests: name and wanted range of each request.
    """

    files: Mapping[str, bytes]
    drops: list[int | None] = field(default_factory=list)
    statuses: list[int | None] = field(default_factory=list)
    ignore_range: bool = False
    wrong_range: bool = False
    hide_length: bool = False
    redirect: str = ""
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Serve one request."""
        handler.close_connection = True
        name, wanted = unquote(handler.path).lstrip("/"), handler.headers.get("Range")
        self.requests.append((name, wanted))
        status = self.statuses.pop(0) if self.statuses else None
        if self.redirect:
            handler.send_response(302)
            handler.send_header("Location", self.redirect + handler.path)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        if status is not None or name not in self.files:
            handler.send_error(status or 404)
            return
        content = self.files[name]
        start = 0 if wanted is None or self.ignore_range else int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            handler.send_error(416)
            return
        shown = 0 if self.wrong_range else start
        body = content[shown:]
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}")
        if not self.hide_length:
            handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        drop = self.drops.pop(0) if self.drops and name.endswith(".zip") else None
        handler.wfile.write(body[:drop])

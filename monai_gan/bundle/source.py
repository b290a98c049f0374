"""Places that bundles come from: a folder, or an address of the file, http or https kind."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import urllib.error
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import quote, urlsplit

from monai_gan import __version__
from monai_gan.errors import InputError

#: Seconds without a byte after which a connection counts as lost.
TIMEOUT = 30.0
# Answers that may change when asked again.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class Interrupted(Exception):
    """The connection was lost or the server is busy: it is worth another try."""


class Opened(AbstractContextManager["Opened"]):
    """A file that is being read.

    Args:
        stream: the rest of the file.
        start: the byte that it begins at; 0 where the source cannot begin later.
        end: the size of the whole file, None where the source does not tell.
    """

    def __init__(self, stream: IO[bytes], start: int, end: int | None) -> None:
        self._stream = stream
        self.start = start
        self.end = end

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end of what arrives.

        Raises:
            Interrupted: the connection was lost.
        """
        try:
            return self._stream.read(size)
        except (OSError, http.client.HTTPException) as error:
            raise Interrupted(_reason(error)) from error

    def __exit__(self, *_: object) -> None:
        self._stream.close()


class Source(Protocol):
    """A place with an index and zips beside it."""

    place: str

    def open(self, name: str, offset: int = 0) -> Opened:
        """Open a file.

        Args:
            name: of the file, without a folder.
            offset: the byte to begin at, if the source can.

        Raises:
            InputError: the file cannot be had.
            Interrupted: it may be had later.
        """


def open_source(source: str | Path) -> Source:
    """Tell what kind of place a text names; nothing is opened yet.

    Args:
        source: a folder, or an address that begins with ``file://``, ``http://`` or ``https://``; the address of the
            index itself stands for its folder.

    Raises:
        InputError: it is neither.
    """
    text = str(source).strip().removesuffix("/index.json")
    scheme = match[1].lower() if (match := re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", text)) else ""
    if scheme in ("http", "https"):
        if not urlsplit(text).hostname:
            raise InputError(f"source='{text}' names no server: give an address such as https://example.org/bundles.")
        return HttpSource(text)
    if scheme == "file":
        if urlsplit(text).netloc not in ("", "localhost"):
            raise InputError(f"source='{text}' names another machine: mount it and give the folder.")
        return FolderSource(Path(urllib.request.url2pathname(urlsplit(text).path)))
    if scheme:
        raise InputError(f"source='{text}' is of a kind that is not read: give a folder, file://, http:// or https://.")
    return FolderSource(Path(text).expanduser())


class FolderSource:
    """A folder of this machine, or one that is mounted.

    Args:
        folder: where the index and the zips lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = str(folder)

    def open(self, name: str, offset: int = 0) -> Opened:
        """See `Source.open`."""
        path = self.folder / name
        try:
            stream = path.open("rb")
            stream.seek(offset)
            return Opened(stream, offset, path.stat().st_size)
        except FileNotFoundError:
            raise InputError(f"'{self.place}' has no '{name}': is it a folder of bundles?") from None
        except OSError as error:
            raise InputError(f"'{path}' cannot be read ({error.strerror or error}).") from error


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a server to other addresses, but neither to other protocols nor from https back to http."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in ("http", "https") or (old == "https" and new != "https"):
            raise InputError(f"'{req.full_url}' leads to an address that is not followed, '{newurl}': ask its owner.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class HttpSource:
    """A web server, reached as the environment's proxy settings say.

    Args:
        address: of the folder.
    """

    def __init__(self, address: str) -> None:
        self.place = address.rstrip("/")
        self._opener = urllib.request.build_opener(_Redirects())

    def open(self, name: str, offset: int = 0) -> Opened:
        """See `Source.open`; a server that ignores the range sends the file from its beginning."""
        # As it is, because a length and a range of a compressed answer would count other bytes.
        headers = {"User-Agent": f"monai-gan/{__version__}", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        request = urllib.request.Request(f"{self.place}/{quote(name)}", headers=headers)
        try:
            response = self._opener.open(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416 and offset:  # there is nothing that far: what was kept is not of this file
                return self.open(name)
            raise self._refusal(name, error.code) from error
        except urllib.error.URLError as error:
            raise self._failure(error.reason) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(error) from error
        length = response.headers.get("Content-Length", "")
        size = int(length) if length.isdecimal() else None
        if not offset or response.status != 206:
            return Opened(response, 0, size)
        if not response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
            response.close()
            return self.open(name)
        return Opened(response, offset, None if size is None else offset + size)

    def _refusal(self, name: str, code: int) -> Exception:
        if code in _PASSING:
            return Interrupted(f"the server answers {code}")
        if 300 <= code < 400:
            return InputError(f"'{self.place}' leads to an address for '{name}' that is not followed: ask its owner.")
        if code in (404, 410):
            return InputError(f"'{self.place}' has no '{name}' (the server answers {code}): is it a place of bundles?")
        return InputError(f"'{self.place}' does not give '{name}' (the server answers {code}): ask its owner.")

    def _failure(self, error: object) -> Exception:
        # These do not pass: a name that is not known, and a certificate that is not trusted.
        if isinstance(error, socket.gaierror | ssl.SSLCertVerificationError):
            return InputError(f"'{self.place}' cannot be reached ({_reason(error)}): look at the address.")
        return Interrupted(_reason(error))


def _reason(error: object) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)

"""A stand-in for a model hub on the loopback address: the part of its protocol that a push and a download use.

It keeps one branch of commits in memory, demands a token, checks that uploaded objects have the announced SHA-256, and
knows neither the hub's newer storage protocol nor its web pages.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

from loopback import LoopbackServer

TOKEN = "hf_loopback"


@dataclass
class Repository:
    """A repository: files by path, the number of the last commit, and tags."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def head(self) -> str:
        """Identity of the last commit."""
        return f"{len(self.commits):040x}"


@dataclass
class LoopbackHub(LoopbackServer):
    """The hub; its ``address`` is what ``HF_ENDPOINT`` would be.

    Args:
        refuse: answer every request that writes with this status.

    Attributes:
        repositories: by ``owner/name``.
        objects: large files by SHA-256.
        paths: method and path of every request.
    """

    refuse: int = 0
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Serve one request."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        path = unquote(urlsplit(handler.path).path)
        self.paths.append(f"{handler.command} {path}")
        if handler.command == "PUT" and path.startswith("/objects/"):  # its address is the permission
            self.objects[hashlib.sha256(body).hexdigest()] = body
            _reply(handler, {})
        elif handler.headers.get("Authorization") != f"Bearer {TOKEN}":
            _reply(handler, {"error": "Invalid username or password."}, 401)
        elif self.refuse and handler.command != "GET":
            _reply(handler, {"error": "You do not have the rights."}, self.refuse)
        elif path == "/api/repos/create":
            self._create(handler, json.loads(body))
        elif path.startswith("/api/models/"):
            self._repository(handler, path.split("/")[3:], body)
        elif path.endswith(".git/info/lfs/objects/batch"):
            self._batch(handler, json.loads(body))
        elif "/resolve/" in path:
            self._resolve(handler, path)
        else:
            _reply(handler, {})

    def _create(self, handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.repositories.setdefault(name, Repository(private))
        _reply(handler, {"url": f"{self.address}/{name}", "id": name})

    def _repository(self, handler: BaseHTTPRequestHandler, words: list[str], body: bytes) -> None:
        name, action = "/".join(words[:2]), words[2] if len(words) > 2 else ""
        found = self.repositories.get(name)
        if found is None:
            _reply(handler, {"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        elif action == "refs":
            tags = [{"name": t, "ref": f"refs/tags/{t}", "targetCommit": c} for t, c in found.tags.items()]
            main = {"name": "main", "ref": "refs/heads/main", "targetCommit": found.head}
            _reply(handler, {"branches": [main], "converts": [], "tags": tags})
        elif action == "preupload":
            modes = [
                {"path": f["path"], "uploadMode": "lfs" if f["path"].endswith(".pt") else "regular"}
                for f in json.loads(body)["files"]
            ]
            _reply(handler, {"files": [{**mode, "shouldIgnore": False} for mode in modes]})
        elif action == "commit":
            self._commit(handler, name, found, body)
        elif action == "tag":
            found.tags[json.loads(body)["tag"]] = found.head
            _reply(handler, {})
        elif action == "tree":
            _reply(handler, [_entry(path, content) for path, content in found.files.items()])
        else:
            siblings = [{"rfilename": path} for path in found.files]
            _reply(handler, {"id": name, "sha": found.head, "private": found.private, "siblings": siblings})

    def _commit(self, handler: BaseHTTPRequestHandler, name: str, found: Repository, body: bytes) -> None:
        for line in body.decode().splitlines():
            step = json.loads(line)
            value = step["value"]
            if step["key"] == "header":
                found.commits.append(value["summary"])
            elif step["key"] == "file":
                found.files[value["path"]] = base64.b64decode(value["content"])
            elif step["key"] == "lfsFile":
                found.files[value["path"]] = self.objects[value["oid"]]
        address = f"{self.address}/{name}/commit/{found.head}"
        _reply(handler, {"success": True, "commitOid": found.head, "commitUrl": address})

    def _batch(self, handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.address}/objects/{one['oid']}", "header": {}}}}
            for one in asked["objects"]
        ]
        _reply(handler, {"transfer": "basic", "objects": objects})

    def _resolve(self, handler: BaseHTTPRequestHandler, path: str) -> None:
        name, _, rest = path.lstrip("/").partition("/resolve/")
        found = self.repositories[name]
        content = found.files[rest.partition("/")[2]]
        etag = hashlib.sha256(content).hexdigest()
        _send(handler, content, 200, {"X-Repo-Commit": found.head, "ETag": f'"{etag}"'})


def _entry(path: str, content: bytes) -> dict[str, Any]:
    return {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}


def _reply(
    handler: BaseHTTPRequestHandler, value: Any, status: int = 200, headers: dict[str, str] | None = None
) -> None:
    _send(handler, json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})


def _send(handler: BaseHTTPRequestHandler, content: bytes, status: int, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(content)

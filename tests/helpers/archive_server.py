"""A local archive that answers as Zenodo's programming interface describes records, and sends their files."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class LocalArchive:
    """Records by number, as JSON, and the content of their files by path; what was asked for is noted.

    Parameters
    ----------
    address
        Of its records.
    records, contents
        What it answers.
    asked
        Paths that were asked for, with the first byte.
    most_bytes
        After so many bytes of a file the connection ends.
    continues
        Whether files are sent from the byte that is asked for.
    answers
        Status, headers and content of the next answers to requests for files, instead of these.
    """

    address: str = ""
    records: dict[int, Any] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    most_bytes: int | None = None
    continues: bool = True
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)

    def add(self, number: int, files: dict[str, bytes]) -> dict[str, Any]:
        """Add a record with files, and return its JSON, which can be changed."""
        listed = []
        for name, content in files.items():
            path = f"/api/records/{number}/files/{name}/content"
            self.contents[path] = content
            digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
            link = self.address.removesuffix("/api/records") + path
            listed.append({"key": name, "size": len(content), "checksum": f"md5:{digest}", "links": {"self": link}})
        self.records[number] = {
            "id": number,
            "doi": f"10.5281/zenodo.{number}",
            "metadata": {"title": "A dataset", "license": {"id": "cc-by-4.0"}},
            "files": listed,
        }
        found: dict[str, Any] = self.records[number]
        return found

    def files_asked(self) -> list[tuple[str, int]]:
        """Return the names of the files that were asked for, with the first byte."""
        return [(path.split("/")[-2], start) for path, start in self.asked if path.endswith("/content")]

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        asked = re.match(r"bytes=(\d+)-", request.headers.get("Range", ""))
        start = int(asked.group(1)) if asked and self.continues else 0
        path = urllib.parse.unquote(request.path)
        self.asked.append((path, int(asked.group(1)) if asked else 0))
        number = path.rpartition("/")[2]
        headers: dict[str, str] = {}
        if self.answers and path in self.contents:
            status, headers, content = self.answers.pop(0)
        elif path in self.contents:
            whole = self.contents[path]
            content, status = whole[start:], 206 if start else 200
            if start:
                headers = {"Content-Range": f"bytes {start}-{len(whole) - 1}/{len(whole)}"}
        elif number.isdigit() and int(number) in self.records:
            content, status = json.dumps(self.records[int(number)]).encode(), 200
        else:
            content, status = b'{"status": 404, "message": "The persistent identifier does not exist."}', 404
        request.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(content if self.most_bytes is None else content[: self.most_bytes])


@contextmanager
def local_archive() -> Iterator[LocalArchive]:
    """Run a local archive."""
    archive = LocalArchive()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            archive.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    archive.address = f"http://127.0.0.1:{server.server_port}/api/records"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield archive
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)

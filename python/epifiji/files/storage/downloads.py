"""Downloads from an address: read within limits, and kept only if the hash is the expected one.

pooch (1.9) would take over the comparison of hashes and the removal of a wrong file, ten lines. It lacks limits on size
and on total time, follows a redirection from https to http, knows no file addresses, and its errors are those of
requests. What it has read is known only when a piece is full: 50 bytes that arrive one by one in 2.5 s are seen once,
at the end, so a slow server looks like a silent one, unless pieces are single bytes. It reads 100 MB from this machine
in 0.2 s, as here in 0.12 s.
"""

from __future__ import annotations

import hashlib
import http.client
import queue
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from epifiji.data.errors import WrongInputError
from epifiji.data.progress import Report, silent

LARGEST_DOWNLOAD_BYTES = 100_000_000
PIECE_BYTES = 1_000_000
PIECES_AHEAD = 4
LOOK_S = 0.1
TIMEOUT_S = 30
PATIENCE_S = 60.0
PARTIAL_CONTENT = 206
SLOWEST_BYTES_A_S = 20_000.0
"""A download may take `PATIENCE_S` plus the time for its bytes at this speed, however that is distributed."""

ADDRESS = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]+://|file:)")
SHA256 = re.compile(r"[0-9a-fA-F]{64}")
TRUSTED_NETWORK = "import a file that you trust with 'epifiji networks import'"
HOW_TO_HASH = (
    "download the file, make sure that it is the one you want, and compute it with 'sha256sum FILE' (on macOS 'shasum -a 256 "
    "FILE', on Windows 'certutil -hashfile FILE SHA256')"
)


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a file: the bytes from `start` on, and of how many, if that is known."""

    start: int = 0
    size: int | None = None


WHOLE = Wanted()


def is_address(text: str) -> bool:
    """Return whether a text is an address such as ``https://…``, and not a path; a drive letter does not begin an address."""
    return ADDRESS.match(text) is not None


def require_sha256(sha256: str | None, what: str) -> str:
    """Return a SHA-256 in lower case.

    Raises
    ------
    WrongInputError
        If there is none (the message says how to get it), or it is not 64 hexadecimal digits.
    """
    if not sha256:
        raise WrongInputError(
            f"{what} was given without its SHA-256, but the file at an address may change: take the SHA-256 from where "
            f"the file is published, or {HOW_TO_HASH}, and specify it with --sha256."
        )
    if not SHA256.fullmatch(sha256.strip()):
        raise WrongInputError(f"the SHA-256 is {sha256!r}, but it has 64 digits from 0 to 9 and a to f: {HOW_TO_HASH}.")
    return sha256.strip().lower()


def download(
    address: str,
    folder: Path,
    sha256: str,
    instead: str = "check the address",
    name: str | None = None,
    largest: int = LARGEST_DOWNLOAD_BYTES,
    trusted: str = TRUSTED_NETWORK,
    report: Report = silent,
) -> Path:
    """Download a file from an ``https``, ``http`` or ``file`` address into a folder.

    Redirections are followed only to ``https`` and ``http``, never from the first to the second, and never to a file.

    Parameters
    ----------
    folder
        An empty folder, in which the file gets the last part of the address as its name, unless `name` is given.
    sha256
        The required hash.
    instead
        What to do if nothing can be downloaded.
    largest
        The most bytes that are accepted.
    trusted
        What to do if the hash differs also later.
    report
        Called with the megabytes that have arrived; may raise to cancel.

    Raises
    ------
    WrongInputError
        If the address is of another kind, there is no answer, more than `largest` bytes arrive, or the hash
        differs.
    """
    place = folder / (name or _file_name(address))
    digest = hashlib.sha256()
    size = 0
    with place.open("wb") as copy:
        for piece in _within_time(address, instead):
            size += len(piece)
            if size > largest:
                break
            digest.update(piece)
            copy.write(piece)
            report(0, f"downloading, {size / 1e6:.1f} MB")
    if size > largest:
        place.unlink()
        raise WrongInputError(
            f"{address} gives more than {largest} bytes, but a network has a few million: check the address."
        )
    if digest.hexdigest() != sha256:
        place.unlink()
        raise WrongInputError(
            f"{address} gave a file with SHA-256 {digest.hexdigest()}, but {sha256} was expected: it was not kept; "
            f"try again later, or {trusted}."
        )
    return place


def _file_name(address: str) -> str:
    """Return a name for the downloaded file from the address, whatever that contains."""
    last = urllib.parse.unquote(urllib.parse.urlsplit(address).path).rstrip("/").rpartition("/")[2]
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", last.removesuffix(".zip")).strip(".")
    return f"{stem[:100] or 'network'}.zip"


def read_address(address: str, largest: int, instead: str, report: Report = silent) -> bytes:
    """Read the content of an address into memory; see :func:`download`.

    Raises
    ------
    WrongInputError
        If there is no answer, or more than `largest` bytes arrive.
    """
    content = bytearray()
    for piece in _within_time(address, instead):
        content += piece
        if len(content) > largest:
            raise WrongInputError(f"{address} gives more than {largest} bytes, but fewer are expected: {instead}.")
        report(0, "asking")
    return bytes(content)


def download_further(
    address: str, place: Path, size: int, digest: str, algorithm: str, instead: str, report: Report = silent
) -> None:
    """Download a file whose size and hash are known, and continue if a part of it is there from an earlier time.

    The part is ``NAME.part`` beside the file, and stays if the download is interrupted. A server that cannot continue sends the
    whole file again. An answer of another size, such as a page that says that the server is busy, is refused before it takes the
    place of the part.

    Parameters
    ----------
    place
        The file, which does not exist yet.
    size
        Its bytes.
    digest, algorithm
        Its hash, in lower-case hexadecimal digits, and how that is computed (:func:`hashlib.new`).
    instead
        What to do if nothing can be downloaded.
    report
        Called with the fraction that has arrived; may raise to cancel.

    Raises
    ------
    WrongInputError
        If there is no answer, or the file has another size or hash; a file with another hash is not kept.
    """
    part = part_of(place)
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        have = 0
    kept = have
    with part.open("r+b" if part.exists() else "wb") as copy:
        if have < size or not size:
            begun: list[int] = []
            copy.seek(have)
            for piece in _within_time(address, instead, Wanted(have, size), begun):
                if begun and begun.pop() == 0:
                    copy.seek(0)
                copy.write(piece)
                if copy.tell() > size:
                    break
                report(min(1.0, copy.tell() / max(1, size)), f"{copy.tell() / 1e6:.1f} of {size / 1e6:.1f} MB")
            # A server that begins again and ends early sends the beginning of what is there.
            copy.truncate(max(copy.tell(), kept))
    found = file_digest(part, algorithm)
    if part.stat().st_size == size and found == digest:
        part.replace(place)
        return
    arrived = part.stat().st_size
    if arrived < size:
        raise WrongInputError(
            f"{address} ended after {arrived} of {size} bytes: run the same command again, which continues from there."
        )
    part.unlink()
    raise WrongInputError(
        f"{address} gave {arrived} bytes with the {algorithm} hash {found}, but {size} bytes with {digest} were expected: they "
        "were not kept; run the same command again."
    )


def part_of(place: Path) -> Path:
    """Return the file with what has arrived of a file that :func:`download_further` downloads."""
    return place.with_name(f"{place.name}.part")


def file_digest(path: Path, algorithm: str) -> str:
    """Return a file's hash in lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _opened(address: str, start: int = 0) -> Any:
    """Open an address; from byte `start` on if the server can, which its status 206 says."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise WrongInputError(
                f"{address} names the machine {parts.netloc}, but a file address leads to a file of this one: use file:///path."
            )
        return Path(urllib.request.url2pathname(parts.path)).open("rb")
    if parts.scheme not in ("https", "http"):
        raise WrongInputError(
            f"{address} is an address of the kind {parts.scheme}, but https, http and file are known: download the file, and "
            "import that."
        )
    # Archives list names with spaces and letters such as ü as they are; what is encoded already stays.
    sent = urllib.parse.quote(address, safe="%/:=&?~#+!$,;'@()*[]")
    request = urllib.request.Request(sent, headers={"Range": f"bytes={start}-"} if start else {})
    return _opener().open(request, timeout=TIMEOUT_S)


def _begin_of(source: Any, address: str, wanted: Wanted, instead: str) -> int:
    """Return the byte from which an opened address sends, and refuse one that sends something else than the wanted file.

    Raises
    ------
    WrongInputError
        If it states another size or beginning. A server need not state its answer's size.
    """
    headers = getattr(source, "headers", None) or {}
    sent = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", str(headers.get("Content-Range", "")).strip(), re.ASCII)
    begin, size = 0, None if headers.get("Content-Encoding") else headers.get("Content-Length")
    if getattr(source, "status", 200) == PARTIAL_CONTENT:
        begin, size = (int(sent[1]), sent[2]) if sent else (wanted.start, None)
    states = int(size) if size and str(size).isdecimal() else None
    if begin not in (0, wanted.start) or (states is not None and wanted.size is not None and states != wanted.size):
        raise WrongInputError(
            f"{address} sends a file of {states or 'unknown'} bytes from byte {begin} on, but one of {wanted.size} bytes is "
            f"expected, so it was not taken; what arrived before is kept: {instead}."
        )
    return begin


def _opener() -> urllib.request.OpenerDirector:
    """Make an opener of web addresses that, unlike urllib's own, opens nothing else."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirections(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


class _Redirections(urllib.request.HTTPRedirectHandler):
    """Follows redirections only to the web, and only from https to https."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """See :meth:`urllib.request.HTTPRedirectHandler.redirect_request`."""
        kind = urllib.parse.urlsplit(newurl).scheme
        if kind != "https" and (kind != "http" or req.type == "https"):
            raise urllib.error.URLError(f"it leads on to {newurl}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _within_time(address: str, instead: str, wanted: Wanted = WHOLE, begun: list[int] | None = None) -> Iterator[bytes]:
    """Yield the content of an address, piece by piece, and refuse a download that takes too long.

    Before the first piece, `begun` receives the byte from which the pieces are: the wanted one, or 0 if the server cannot
    continue.

    Another thread reads: a server that sends a byte now and then prevents every timeout of a socket, and a name that is
    not found, or a proxy, can take as long before the first byte.
    """
    pieces: queue.Queue[bytes | BaseException | None] = queue.Queue(maxsize=PIECES_AHEAD)
    nobody_waits = threading.Event()
    threading.Thread(
        target=_read, args=(address, pieces, nobody_waits, instead, wanted, begun), name="EpiFiji-Download", daemon=True
    ).start()
    started, size = time.monotonic(), 0
    try:
        while True:
            try:
                piece = pieces.get(timeout=LOOK_S)
            except queue.Empty:
                piece = b""
            if piece is None:
                return
            if isinstance(piece, WrongInputError):
                raise piece
            if isinstance(piece, BaseException):
                raise WrongInputError(f"{address} {_problem(piece)}: {instead}.") from piece
            size += len(piece)
            seconds = time.monotonic() - started
            if seconds > PATIENCE_S + size / SLOWEST_BYTES_A_S:
                raise WrongInputError(
                    f"{address} gave {size} bytes in {seconds:.0f} s, but at least {SLOWEST_BYTES_A_S:g} bytes a second are "
                    "expected: try again later, or download the file in another way and import that."
                )
            yield piece  # Without a byte too, so that a download that waits can be cancelled.
    finally:
        nobody_waits.set()


def _problem(problem: BaseException) -> str:
    """Say why an address cannot be read: what its server answered, or that there is no answer."""
    reason = getattr(problem, "reason", None) or str(problem) or type(problem).__name__
    if isinstance(problem, urllib.error.HTTPError):
        wait = str(problem.headers.get("Retry-After", "")).strip() if problem.headers else ""
        reason = f"{problem.code} {reason}" + (
            f", it asks to wait {wait} s" if re.fullmatch("[0-9]{1,6}", wait) else ""
        )
    return f"cannot be reached ({reason})"


def _read(
    address: str,
    pieces: queue.Queue[bytes | BaseException | None],
    nobody_waits: threading.Event,
    instead: str,
    wanted: Wanted = WHOLE,
    begun: list[int] | None = None,
) -> None:
    """Read an address into a queue, with None or an exception at its end, until `nobody_waits` is set."""

    def give(piece: bytes | BaseException | None) -> None:
        while not nobody_waits.is_set():
            with suppress(queue.Full):
                pieces.put(piece, timeout=LOOK_S)
                return

    try:
        with _opened(address, wanted.start) as source:
            begin = _begin_of(source, address, wanted, instead)
            if begun is not None:
                begun.append(begin)
            # Not read(), which waits for a complete piece.
            while not nobody_waits.is_set() and (piece := source.read1(PIECE_BYTES)):
                give(piece)
        give(None)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        give(problem)
    except Exception as problem:
        give(WrongInputError(f"{address} cannot be read ({type(problem).__name__}: {problem}): check the address."))

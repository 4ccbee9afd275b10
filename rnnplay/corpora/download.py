"""Downloads a text through pooch: told as it comes, gone on with where it broke off, kept only if its SHA-256 is right.

What has come stands in a file `NAME.part` beside the text until it is whole; where a server cannot go on in the middle,
it begins anew.
"""

import fcntl
import os
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any

import pooch  # type: ignore[import-untyped]

from rnnplay.config import UserError
from rnnplay.corpora.library import Remote, Told, place_of, unwritable

_TIMEOUT = 20.0  # seconds without a sign
_PIECE = 2**15  # bytes


class _Changed(Exception):
    """What comes is not what is known."""


def fetch(remote: Remote, told: Told = lambda done, total: None) -> Path:
    """The file of `remote`, downloaded where it is not here yet. Raises UserError: unreachable, broken off, changed."""
    target = place_of(remote)
    part = target.with_suffix(".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            resumed = _size(file) > 0
            try:
                _retrieve(remote, target, file, told)
            except _Changed:
                if not resumed:
                    raise
                file.truncate(0)  # perhaps only the beginning, from another time, was wrong
                _retrieve(remote, target, file, told)
    except BlockingIOError:
        raise UserError(f"The text {remote.name} is being downloaded already.", "Wait until that is done.") from None
    except _Changed as error:
        part.unlink(missing_ok=True)
        raise UserError(
            f"What {remote.url} gives is not {remote.name} as it is known: {error}. It is not kept.",
            "Try again later, or take it as a text of your own: rnnplay corpora add NAME ADDRESS.",
        ) from None
    except OSError as error:
        raise unwritable(target, error) from None
    part.unlink(missing_ok=True)
    return target


def fetch_once(url: str, path: Path, told: Told = lambda done, total: None) -> None:
    """Write what `url` gives to `path`. Raises UserError, and OSError where it cannot be written."""
    with path.open("wb") as file:
        _Transfer(file, None, told).run(url)


def _retrieve(remote: Remote, target: Path, file: IO[bytes], told: Told) -> None:
    pooch.get_logger().setLevel("ERROR")
    transfer = _Transfer(file, remote.size, told)
    try:
        pooch.retrieve(remote.url, f"sha256:{remote.sha256}", target.name, target.parent, downloader=transfer)
    except UserError:
        raise
    except ValueError:  # so pooch tells of another hash
        found = pooch.file_hash(file.name)
        raise _Changed(f"its SHA-256 is {found[:16]}… instead of {remote.sha256[:16]}…") from None


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


class _Transfer:
    """One download into a file that may hold the beginning already: pooch calls it, its downloader writes through it.

    `size`: how many bytes there must be; None: whatever comes.
    """

    def __init__(self, file: IO[bytes], size: int | None, told: Told) -> None:
        self._file, self._size, self._total, self._told = file, size, size, told
        self._status: int | None = None  # of HTTP
        self._disk: OSError | None = None

    def __call__(self, url: str, output_file: str, _pooch: Any, check_only: bool = False) -> None:
        """What pooch asks for: what `url` gives in `output_file`, whose hash it then checks."""
        if _size(self._file) != self._size:
            self.run(url)
        with open(output_file, "wb") as whole, open(self._file.name, "rb") as part:
            while piece := part.read(2**20):
                whole.write(piece)

    def run(self, url: str) -> None:
        """Download the rest. Raises UserError, _Changed, and OSError where the file cannot be written."""
        begun = _size(self._file)
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begun}-"} if begun else {})
        hooks = {"response": self._hear}
        get = pooch.HTTPDownloader(chunk_size=_PIECE, timeout=_TIMEOUT, headers=headers, hooks=hooks)
        try:
            get(url, self, None)
        except OSError:  # all that requests raises is one
            if self._disk is not None:
                raise self._disk from None
            if self._status is not None and self._status >= 400:
                known = self._status in set(HTTPStatus)
                said = f"{self._status} {HTTPStatus(self._status).phrase}" if known else f"{self._status}"
                raise UserError(f"{url} is refused ({said}).", "Look at the address, or try again later.") from None
            if self._status is not None and 300 <= self._status < 400:
                raise UserError(f"{url} leads only to other addresses.", "Look at the address.") from None
            if self._status is None:
                raise UserError(
                    f"{url} cannot be reached.", "Look at the network and try again; all else works without it."
                ) from None
            raise self._broken(url) from None
        if self._size is not None and _size(self._file) < self._size:
            raise self._broken(url)

    def _broken(self, url: str) -> UserError:
        of = "" if self._total is None else f" of {self._total:,}"
        remedy = "Run the command again." if self._size is None else "Run the command again: it goes on from there."
        return UserError(f"The download of {url} broke off after {_size(self._file):,}{of} bytes.", remedy)

    def _hear(self, response: Any, *_: Any, **__: Any) -> None:
        """Look at an answer's head: where it begins and how long the whole is. Raises _Changed."""
        self._status = response.status_code
        page = response.headers.get("Content-Type", "").lower().startswith("text/html")
        if self._size is None and self._status == 200 and page and not response.url.endswith((".html", ".htm")):
            raise UserError(f"{response.url} is a web page, not a text.", "Give the address of the file itself.")
        begun = _size(self._file)
        if self._status == 206:
            start, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")
            if start != str(begun):
                raise _Changed(f"it does not go on from byte {begun:,}")
            length = total.rpartition("/")[2]
        elif self._status == 416:
            raise _Changed(f"it has nothing after {begun:,} bytes")
        else:
            if self._status == 200:
                self._file.truncate(0)
            length = response.headers.get("Content-Length", "")
        if self._status in (200, 206) and length.isdecimal() and "Content-Encoding" not in response.headers:
            self._total = int(length)
            if self._size is not None and self._total != self._size:
                raise _Changed(f"it has {self._total:,} bytes instead of {self._size:,}")

    def write(self, piece: bytes) -> None:
        """Take a piece in. Raises _Changed where it is too much."""
        if self._size is not None and _size(self._file) + len(piece) > self._size:
            raise _Changed(f"it is longer than {self._size:,} bytes")
        try:
            self._file.write(piece)
            self._file.flush()
        except OSError as error:
            self._disk = error
            raise
        self._told(_size(self._file), self._total)

    def flush(self) -> None:
        """Nothing to do: every piece is written at once."""

"""Downloads a text through pooch: reports progress, resumes a broken download, and verifies the SHA-256.

The received bytes are written to `NAME.part`, next to the text, until the download is complete. If the server cannot
send a range, the download starts again from the first byte.
"""

import fcntl
import os
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any

import pooch  # type: ignore[import-untyped]

from rnnplay.config import UserError
from rnnplay.corpora.downloadable import DownloadableText, ProgressCallback, download_path, write_error

_TIMEOUT_SECONDS = 20.0  # without receiving a byte
_CHUNK_BYTES = 2**15  # bytes


class _ContentMismatch(Exception):
    """The server's content differs from the known size or SHA-256. The message says how."""


def fetch(text: DownloadableText, on_progress: ProgressCallback = lambda done, total: None) -> Path:
    """Download `text` if it is not here yet; returns its file. Raises UserError: unreachable, broken off, changed."""
    target = download_path(text)
    part = target.with_suffix(".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            resumed = _size(file) > 0
            try:
                _retrieve(text, target, file, on_progress)
            except _ContentMismatch:
                if not resumed:
                    raise
                file.truncate(0)  # the part from an earlier download may be of another version
                _retrieve(text, target, file, on_progress)
    except BlockingIOError:
        raise UserError(f"The text {text.name} is being downloaded already.", "Wait until that is done.") from None
    except _ContentMismatch as error:
        part.unlink(missing_ok=True)
        raise UserError(
            f"The content of {text.url} is not the known {text.name}: {error}. It is not saved.",
            "Try again later, or add it as a text of your own: rnnplay corpora add NAME ADDRESS.",
        ) from None
    except OSError as error:
        raise write_error(target, error) from None
    part.unlink(missing_ok=True)
    return target


def fetch_once(url: str, path: Path, on_progress: ProgressCallback = lambda done, total: None) -> None:
    """Download `url` to `path`. Raises UserError, and OSError if `path` cannot be written."""
    with path.open("wb") as file:
        _Transfer(file, None, on_progress).run(url)


def _retrieve(text: DownloadableText, target: Path, file: IO[bytes], on_progress: ProgressCallback) -> None:
    pooch.get_logger().setLevel("ERROR")
    transfer = _Transfer(file, text.size, on_progress)
    try:
        pooch.retrieve(text.url, f"sha256:{text.sha256}", target.name, target.parent, downloader=transfer)
    except UserError:
        raise
    except ValueError:  # pooch raises it if the hash differs
        digest = pooch.file_hash(file.name)
        raise _ContentMismatch(f"its SHA-256 is {digest[:16]}… instead of {text.sha256[:16]}…") from None


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


class _Transfer:
    """One download into a file that may hold its first bytes already: pooch calls it, its downloader writes to it.

    size: the number of bytes expected; None: any number.
    """

    def __init__(self, file: IO[bytes], size: int | None, on_progress: ProgressCallback) -> None:
        self._file, self._size, self._total, self._on_progress = file, size, size, on_progress
        self._status: int | None = None  # of HTTP
        self._write_error: OSError | None = None

    def __call__(self, url: str, output_file: str, _pooch: Any, check_only: bool = False) -> None:
        """Write the content of `url` to `output_file`, whose hash pooch then checks."""
        if _size(self._file) != self._size:
            self.run(url)
        with open(output_file, "wb") as complete, open(self._file.name, "rb") as part:
            while chunk := part.read(2**20):
                complete.write(chunk)

    def run(self, url: str) -> None:
        """Download the rest. Raises UserError, _ContentMismatch, and OSError if the file cannot be written."""
        offset = _size(self._file)
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
        hooks = {"response": self._check_response}
        get = pooch.HTTPDownloader(chunk_size=_CHUNK_BYTES, timeout=_TIMEOUT_SECONDS, headers=headers, hooks=hooks)
        try:
            get(url, self, None)
        except OSError:  # requests derives all its exceptions from it
            if self._write_error is not None:
                raise self._write_error from None
            if self._status is not None and self._status >= 400:
                is_standard = self._status in set(HTTPStatus)
                status = f"{self._status} {HTTPStatus(self._status).phrase}" if is_standard else f"{self._status}"
                raise UserError(f"{url} is refused ({status}).", "Check the address, or try again later.") from None
            if self._status is not None and 300 <= self._status < 400:
                raise UserError(f"{url} leads only to other addresses.", "Check the address.") from None
            if self._status is None:
                raise UserError(
                    f"{url} cannot be reached.", "Check the network and try again; all else works without it."
                ) from None
            raise self._broken(url) from None
        if self._size is not None and _size(self._file) < self._size:
            raise self._broken(url)

    def _broken(self, url: str) -> UserError:
        of = "" if self._total is None else f" of {self._total:,}"
        remedy = "Run the command again." if self._size is None else "Run the command again: it resumes from there."
        return UserError(f"The download of {url} broke off after {_size(self._file):,}{of} bytes.", remedy)

    def _check_response(self, response: Any, *_: Any, **__: Any) -> None:
        """Check an HTTP response's headers: its first byte and the total length. Raises _ContentMismatch."""
        self._status = response.status_code
        page = response.headers.get("Content-Type", "").lower().startswith("text/html")
        if self._size is None and self._status == 200 and page and not response.url.endswith((".html", ".htm")):
            raise UserError(f"{response.url} is a web page, not a text.", "Give the address of the file itself.")
        offset = _size(self._file)
        if self._status == 206:
            start, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")
            if start != str(offset):
                raise _ContentMismatch(f"it does not continue from byte {offset:,}")
            length = total.rpartition("/")[2]
        elif self._status == 416:
            raise _ContentMismatch(f"it has nothing after {offset:,} bytes")
        else:
            if self._status == 200:
                self._file.truncate(0)
            length = response.headers.get("Content-Length", "")
        if self._status in (200, 206) and length.isdecimal() and "Content-Encoding" not in response.headers:
            self._total = int(length)
            if self._size is not None and self._total != self._size:
                raise _ContentMismatch(f"it has {self._total:,} bytes instead of {self._size:,}")

    def write(self, chunk: bytes) -> None:
        """Append a chunk. Raises _ContentMismatch if the file would become too long."""
        if self._size is not None and _size(self._file) + len(chunk) > self._size:
            raise _ContentMismatch(f"it is longer than {self._size:,} bytes")
        try:
            self._file.write(chunk)
            self._file.flush()
        except OSError as error:
            self._write_error = error
            raise
        self._on_progress(_size(self._file), self._total)

    def flush(self) -> None:
        """Do nothing: every chunk is written at once."""

"""Writes what a network wrote: to a file as it was read, to a terminal without anything that steers it."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TextIO

from rnnplay.config import UserError


def printable(text: str, stream: TextIO) -> str:
    """`text` as it may be written to `stream`: on a terminal, all controls but line ends and tabs are pictures: ␛."""
    return text.translate(_PICTURES) if stream.isatty() else text


_PICTURES = (
    {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"}
    | {0x7F: "\N{SYMBOL FOR DELETE}"}
    | dict.fromkeys(range(0x80, 0xA0), "\N{REPLACEMENT CHARACTER}")
)


class SampleWriter:
    """Writes a sample as it is drawn, to standard output or to a file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._as_bytes = False

    def open(self, as_bytes: bool) -> None:
        """Begin to write. as_bytes: the symbols are bytes, and a file gets those. Raises UserError."""
        if self._path is None:
            return
        self._as_bytes = as_bytes
        try:
            self._file = self._path.open("wb")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(f'"{self._path}" cannot be written ({reason}).', "Name another file.") from None

    def write(self, text: str) -> None:
        """Write the next symbols. Raises UserError if the file takes no more."""
        if self._file is None:
            print(printable(text, sys.stdout), end="", flush=True)
            return
        if self._as_bytes:
            from rnnplay.corpora import symbols_to_bytes

            content = symbols_to_bytes(text)
        else:
            content = text.encode("utf-8", "surrogatepass")
        self._guard(lambda file: file.write(content))

    def close(self, ends_line: bool = True) -> None:
        """End the sample: the file is closed; standard output gets a line end if `ends_line`."""
        if self._file is None:
            print(end="\n" if ends_line else "", flush=True)
        else:
            self._guard(lambda file: file.close())

    def _guard(self, act: Callable[[IO[bytes]], object]) -> None:
        assert self._file is not None
        try:
            act(self._file)
        except OSError as error:
            raise UserError(f'"{self._path}" cannot be written ({error.strerror}).', "Name another file.") from None

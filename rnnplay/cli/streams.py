"""Standard output and standard error whatever their encoding: what a stream cannot take is escaped, never an error."""

import codecs
import json
import sys
from typing import Any, TextIO

_HANDLER = "rnnplay.escape"
_FIRST_BYTE, _LAST_BYTE = "\udc80", "\udcff"  # what stands for the bytes 0x80 to 0xff of a name that is not UTF-8


def escape_what_cannot_be_encoded() -> None:
    """Let standard output and standard error escape the symbols that their encoding lacks, as \\u20ac.

    Bytes of file names that are not UTF-8 go to files and pipes as they are, to a terminal escaped too.
    """
    codecs.register_error(_HANDLER, _escape)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a test's or a library's own stream may have none
        if reconfigure is not None:
            reconfigure(errors="backslashreplace" if stream.isatty() else _HANDLER)


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    """An error handler for `str.encode`: the bytes of a file's name, and escapes for all else."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    parts = [
        bytes([ord(symbol) - 0xDC00])
        if _FIRST_BYTE <= symbol <= _LAST_BYTE
        else symbol.encode("ascii", "backslashreplace")
        for symbol in error.object[error.start : error.end]
    ]
    return b"".join(parts), error.end


def json_text(fields: dict[str, Any], stream: TextIO) -> str:
    """One JSON object for `stream`; what it cannot take is escaped as JSON has it. Not finite numbers are null."""
    import msgspec

    try:
        text = msgspec.json.encode(fields).decode()
    except UnicodeEncodeError:  # a file's name that is not UTF-8
        return json.dumps(msgspec.to_builtins(fields))
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(json.loads(text))
    return text

"""Texts: their sources, their encoding as ids, and the library of downloaded and own texts."""

from rnnplay.corpora.decoding import in_known_form, read_string, right_to_left_letter
from rnnplay.corpora.encoding import (
    BYTE_SYMBOLS,
    END_OF_FILE,
    UNKNOWN,
    EncodedText,
    encode_file,
    read,
    symbols_to_bytes,
)
from rnnplay.corpora.files import text_file_chunks
from rnnplay.corpora.large_text import Progress, joined, reading
from rnnplay.corpora.library import resolve_text
from rnnplay.corpora.reencode import reencode
from rnnplay.corpora.sources import bundled_files, check_regular_file, file_chunks

__all__ = [
    "BYTE_SYMBOLS",
    "END_OF_FILE",
    "UNKNOWN",
    "EncodedText",
    "Progress",
    "bundled_files",
    "check_regular_file",
    "encode_file",
    "file_chunks",
    "in_known_form",
    "joined",
    "read",
    "read_string",
    "reading",
    "reencode",
    "resolve_text",
    "right_to_left_letter",
    "symbols_to_bytes",
    "text_file_chunks",
]

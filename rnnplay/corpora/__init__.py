"""Texts: finding them, reading them as ids, and the library of those that were downloaded or added."""

from rnnplay.corpora.finding import shipped
from rnnplay.corpora.library import locate
from rnnplay.corpora.reading import BYTES, REST, Text, bytes_of, encode_file, read

__all__ = ["BYTES", "REST", "Text", "bytes_of", "encode_file", "locate", "read", "shipped"]

"""Files of other kinds than text, which their first bytes tell: archives, documents, pictures, data of other programs.

Their bytes are in no encoding of texts, so that nothing said of an encoding would help.
"""

from rnnplay.config import UserError

_UNPACK = "Unpack it and give its files or their folder."
_COMPRESSED = "Let its name end in {}, or decompress it first."
_AS_TEXT = "Save it as plain text in UTF-8."
_AS_TABLE = "Save it as text: a table as CSV in UTF-8."
_AS_BYTES = "Give a text, or learn its bytes with --read-as-bytes."

# First bytes, what the file is, and what to do. The first one that fits counts.
_KINDS = (
    (b"\x1f\x8b\x08", "compressed by gzip, which its name does not say", _COMPRESSED.format(".gz")),
    (b"\xfd7zXZ\x00", "compressed by xz, which its name does not say", _COMPRESSED.format(".xz")),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd, which its name does not say", _COMPRESSED.format(".zst")),
    (b"%PDF-", "a PDF document", "Extract its text first: pdftotext FILE.pdf FILE.txt."),
    (b"{\\rtf1", "a document in Rich Text Format", _AS_TEXT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1", "a document of Word or Excel", _AS_TABLE),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\x93NUMPY", "an array of NumPy", "Save it as text: numpy.savetxt."),
    (b"PAR1", "a Parquet table", "Save it as CSV: pandas.read_parquet(FILE).to_csv(...)."),
    (b"SQLite format 3\x00", "a database of SQLite", _AS_TABLE),
    (b"\x89HDF\r\n", "a file of HDF5", _AS_TABLE),
    (b"\x89PNG\r\n", "a picture (PNG)", _AS_BYTES),
    (b"\xff\xd8\xff", "a picture (JPEG)", _AS_BYTES),
    (b"GIF89a", "a picture (GIF)", _AS_BYTES),
    (b"\x7fELF", "a program", _AS_BYTES),
)
_ZIP = b"PK\x03\x04"
_ZIPPED = (  # by what a zip archive's first files are called
    (b"xl/", "an Excel workbook", _AS_TABLE),
    (b"word/", "a Word document", _AS_TEXT),
    (b"opendocument.spreadsheet", "a LibreOffice spreadsheet", _AS_TABLE),
    (b"opendocument", "a LibreOffice document", _AS_TEXT),
    (b"epub", "an EPUB book", _AS_TEXT),
    (b"", "a zip archive", _UNPACK),
)


def refuse_other_kinds(head: bytes, name: str) -> None:
    """Raise UserError if `head`, the first bytes of the file `name`, shows that it is no text."""
    if head.startswith(_ZIP):
        what, remedy = next((what, remedy) for sign, what, remedy in _ZIPPED if sign in head)
    elif head[4:10] == b"1AY&SY" and head.startswith(b"BZh"):
        what, remedy = "compressed by bzip2, which its name does not say", _COMPRESSED.format(".bz2")
    elif head[257:262] == b"ustar":
        what, remedy = "a tar archive", _UNPACK
    else:
        what, remedy = next(((what, remedy) for sign, what, remedy in _KINDS if head.startswith(sign)), ("", ""))
    if what:
        raise UserError(f'"{name}" is {what}.', remedy)

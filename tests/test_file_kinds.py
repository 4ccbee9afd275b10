"""Files that are no text, and folders of texts: what is passed over is said, and what is refused is named."""

import bz2
import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnnplay import corpora
from rnnplay.config import UserError
from rnnplay.tasks.tables import read_column
from tests.test_corpora import refusal, spell


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "<xml/>")
    return content.getvalue()


def tarred() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return content.getvalue()


def array_of_numpy() -> bytes:
    content = io.BytesIO()
    np.save(content, np.arange(90.0))
    return content.getvalue()


KINDS = {
    "compressed by gzip, which its name does not say": gzip.compress(b"abc " * 99),
    "compressed by bzip2, which its name does not say": bz2.compress(b"abc " * 99),
    "a PDF document": b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "a document in Rich Text Format": b"{\\rtf1\\ansi caf\\'e9}",
    "an Excel workbook": zipped("[Content_Types].xml", "xl/workbook.xml"),
    "a Word document": zipped("[Content_Types].xml", "word/document.xml"),
    "an EPUB book": zipped("mimetype", "META-INF/epub.xml"),
    "a zip archive": zipped("a.txt"),
    "a tar archive": tarred(),
    "an array of NumPy": array_of_numpy(),
    "a Parquet table": b"PAR1\x15\x04\x15",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_no_text_is_called_what_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(KINDS[kind])
    assert refusal(path).startswith(f'"table.csv" is {kind}. ')
    with pytest.raises(UserError, match=f"is {kind}"):
        read_column(path)


def test_what_a_folder_has_beside_its_texts_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "books"
    (folder / "more").mkdir(parents=True)
    for name, content in (
        *(("a.txt", b"one"), ("a.txt~", b"on"), ("b.txt.bak", b"t"), ("#b.txt#", b"t"), ("b.txt", b"two")),
        *((".hidden", b"x"), ("cover.png", b"\x89PNG\r\n\x1a\n\x00")),
    ):
        (folder / name).write_bytes(content)
    text = corpora.read("text", str(folder))
    assert spell(text) == "onetwo"
    assert text.notes == (
        '2 files of "books" are read, 1 that is no text and 3 that are a backup and 1 that is a folder are not.',
    )


def test_of_many_files_the_one_in_another_encoding_is_named_with_its_own_offset(tmp_path: Path) -> None:
    for number in range(4):
        words = f"Größe né, “words” {number}\n" * 3
        (tmp_path / f"{number}.txt").write_bytes(words.encode("cp1252" if number == 2 else "utf-8"))
    said = refusal(tmp_path)
    assert said.startswith('"2.txt" is not UTF-8 (byte 0xF6 at offset 2). It may be cp1252 (Größe')
    assert "--encoding cp1252" in said and "iconv" not in said


def test_files_that_are_joined_may_each_have_a_mark_or_be_pieces(tmp_path: Path) -> None:
    words = "größe, né: 一二三\n"
    contents = (
        words.encode("utf-16"),
        b"\xfe\xff" + words.encode("utf-16-be"),
        b"plain ASCII\n",
        words.encode("utf-8-sig")[:6],
        words.encode("utf-8-sig")[6:],
        words.encode("utf-32"),
    )
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.txt").write_bytes(content)
    text = corpora.read("text", str(tmp_path / "0.txt"), more=[str(tmp_path / f"{n}.txt") for n in range(1, 6)])
    assert spell(text) == words * 2 + "plain ASCII\n" + words * 2
    ids, unknown = corpora.encode_file(str(tmp_path), text.vocabulary)
    assert "".join(text.vocabulary[i] for i in ids) == spell(text) and not unknown


def test_a_text_in_utf_8_that_another_encoding_is_chosen_for_is_said_to_be_so(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for words, encoding, chosen, is_said in (
        ("größe né\n", "utf-8", "cp1252", True),
        ("größe né\n", "cp1252", "cp1252", False),
        ("größe né\n", "utf-8-sig", "utf-8", False),
        ("plain text\n\n", "utf-8", "utf-16-le", True),
        ("plain text\n\n", "utf-16-le", "utf-16-le", False),
        ("plain text\n\n", "utf-8", "cp1252", False),
    ):
        path.write_bytes(words.encode(encoding) * 3)
        notes = corpora.read("text", str(path), encoding=chosen).notes
        assert any("The text is UTF-8, though another encoding is chosen" in note for note in notes) == is_said


def test_a_text_cut_off_within_utf_16_is_not_guessed_at_and_zeros_alone_are_no_utf_16(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("größe, né".encode("utf-16")[:-1])
    assert '"a.txt" is UTF-16 by its byte-order mark, but not at offset 18. It may be cut off' in refusal(path)
    path.write_bytes(b"abc\0def" * 30)
    assert "--encoding" not in refusal(path)


def test_a_folder_whose_files_cannot_be_looked_at_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.txt").write_text("abc")
    monkeypatch.setattr(Path, "is_file", refuse)
    assert "cannot be read (Permission denied)" in refusal(tmp_path)

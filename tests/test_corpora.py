"""Texts: what is shipped and installed can be read, what a person gives is understood or refused in two sentences."""

import codecs
import hashlib
import os
import re
import socket
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rnnplay import corpora
from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.corpora import sources
from rnnplay.corpora.decoding import TextDecoder
from rnnplay.tasks import make


def spell(text: corpora.EncodedText) -> str:
    return "".join(text.vocabulary[i] for i in text.ids)


def refusal(file: Path) -> str:
    with pytest.raises(UserError) as caught:
        corpora.read("text", str(file))
    assert caught.value.problem.endswith(".") and caught.value.remedy
    return str(caught.value)


def test_shipped_prose_is_its_files_in_order_with_a_line_between() -> None:
    files = sorted((Path(__file__).parent.parent / "corpora" / "prose").glob("*.txt"))
    whole = "\n".join(file.read_text(encoding="utf-8") for file in files)
    text = corpora.read("prose")
    assert spell(text) == whole
    assert text.vocabulary == tuple(sorted(set(whole)))
    assert text.sha256 == hashlib.sha256(whole.encode()).hexdigest()


@pytest.mark.parametrize("name", ["prose", "play", "latex"])
def test_no_sentence_of_more_than_six_words_stands_twice_in_a_shipped_text(name: str) -> None:
    files = sorted((Path(__file__).parent.parent / "corpora" / name).iterdir())
    whole = "\n\n".join(file.read_text(encoding="utf-8") for file in files)
    spoken = re.sub(r"(?m)^[A-Z][A-Z ']+:", "\n\n", whole)  # without the names of a play's speakers
    sentences = [" ".join(re.findall(r"[\w'’]+", s.lower())) for s in re.split(r"[.!?]|\n\s*\n", spoken)]
    counted = Counter(sentence for sentence in sentences if len(sentence.split()) > 6)
    assert len(counted) > 200
    assert [sentence for sentence, times in counted.items() if times > 1] == []


@pytest.mark.parametrize("name", ["docs", "python"])
def test_texts_installed_with_python_are_large_and_the_same_each_time(name: str) -> None:
    first, second = corpora.read(name), corpora.read(name)
    assert len(first.ids) > 300_000
    assert len(first.ids) < 5_000_000
    assert first.sha256 == second.sha256
    assert (first.ids == second.ids).all()


def test_characters_beyond_ascii_and_at_the_edge_of_a_piece_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_CHUNK_BYTES", 3)
    words = "Ça va? 這是中文 😀 naïve ﬁn"
    (tmp_path / "a.txt").write_text(words, encoding="utf-8")
    assert spell(corpora.read("text", str(tmp_path / "a.txt"))) == words


@pytest.mark.parametrize("piece", [3, 4, 7, 1000])
def test_windows_line_ends_and_a_byte_order_mark_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(sources, "_CHUNK_BYTES", piece)
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n\r\n\xc3\xa9\r")
    assert spell(corpora.read("text", str(tmp_path / "a.txt"))) == "one\ntwo\nthree\n\n\u00e9\n"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"")
    assert refusal(tmp_path / "a.txt").startswith('"a.txt" is empty. ')
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf")
    assert refusal(tmp_path / "a.txt").startswith('"a.txt" is empty. ')


@pytest.mark.parametrize("piece", [5, 4_000])
def test_a_binary_file_is_refused_with_the_offset_of_its_zero_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(sources, "_CHUNK_BYTES", piece)
    (tmp_path / "notes.bin").write_bytes(b"a" * 1024 + b"\0" + b"b" * 99)
    wrong = '"notes.bin" is not UTF-8 text (a zero byte at offset 1,024), and no encoding that is known here fits it.'
    assert refusal(tmp_path / "notes.bin") == f"{wrong} Or read it as bytes with --read-as-bytes."


@pytest.mark.parametrize("piece", [1, 4, 5, 4_000])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_latin_1_is_refused_with_the_byte_its_offset_and_what_it_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int, mark: bytes
) -> None:
    if mark:
        piece = max(piece, 4)
    monkeypatch.setattr(sources, "_CHUNK_BYTES", piece)
    (tmp_path / "a.txt").write_bytes(mark + "größe né".encode("latin-1"))
    said = refusal(tmp_path / "a.txt")
    assert f"is not UTF-8 (byte 0xF6 at offset {2 + len(mark)})" in said
    assert "It may be cp1252 (größe né)" in said and "--encoding cp1252" in said


def test_a_character_cut_off_at_the_end_is_refused_with_its_offset(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc\xe2\x82")
    assert "byte 0xE2 at offset 3" in refusal(tmp_path / "a.txt")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("piece", [1, 3, 4_000])
def test_a_byte_order_mark_tells_the_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, piece: int
) -> None:
    monkeypatch.setattr(sources, "_CHUNK_BYTES", piece)
    words = "größe 日本 😀\r\nend"
    for order in ("-le", "-be") if encoding != "utf-8-sig" else ("",):
        mark = "" if not order else "\ufeff"
        (tmp_path / "a.txt").write_bytes((mark + words).encode(encoding + order))
        assert spell(corpora.read("text", str(tmp_path / "a.txt"))) == words.replace("\r\n", "\n")


def test_utf_16_without_a_mark_is_named_and_read_when_it_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello there", encoding="utf-16-le")
    assert "It may be utf_16_le (hello there)" in refusal(tmp_path / "a.txt")
    assert spell(corpora.read("text", str(tmp_path / "a.txt"), encoding="utf_16_le")) == "hello there"


def test_marks_inside_joined_files_are_dropped_and_counted(tmp_path: Path) -> None:
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        (tmp_path / "a.txt").write_bytes(b"".join(f"Story {i}.\n".encode(encoding) for i in range(3)))
        text = corpora.read("text", str(tmp_path / "a.txt"))
        assert spell(text) == "Story 0.\nStory 1.\nStory 2.\n"
        assert text.notes == ("2 byte-order marks inside the text are left out: it was joined from files.",)


@pytest.mark.parametrize("piece", [1, 2, 5, 4_000])
def test_an_encoding_that_is_chosen_is_used_and_one_that_does_not_fit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(sources, "_CHUNK_BYTES", piece)
    file, words = tmp_path / "a.txt", "他对小和尚说：今天的月亮真圆。\n"
    file.write_bytes(words.encode("gbk") * 4)
    assert "It may be gbk (他对小和尚说" in refusal(file)
    assert spell(corpora.read("text", str(file), encoding="gbk")) == words * 4
    ids, unseen = corpora.encode_file(str(file), tuple(sorted(set(words))), encoding="gbk")
    assert len(ids) == len(words) * 4 and unseen == ()
    with pytest.raises(UserError, match=r"is not ascii .byte 0xCB at offset 0"):
        corpora.read("text", str(file), encoding="ascii")
    with pytest.raises(UserError, match=r"There is no encoding 'cp1253x'. Did you mean cp1253"):
        corpora.read("text", str(file), encoding="cp1253x")
    with pytest.raises(UserError, match="Leave out --encoding"):
        corpora.read("prose", encoding="gbk")


@pytest.mark.parametrize("piece", [1, 2, 3, 4_000])
def test_letters_with_marks_are_written_in_one_way_where_that_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(sources, "_CHUNK_BYTES", piece)
    words = "cafe\u0301 été a\u0323\u0302 각 \u1100\u1161\u11a8 か\u3099"
    (tmp_path / "a.txt").write_text(words, encoding="utf-8")
    for form in ("nfc", "nfd"):
        text = corpora.read("text", str(tmp_path / "a.txt"), normal_form=form)
        assert spell(text) == unicodedata.normalize(form.upper(), words) and text.notes == ()
    text = corpora.read("text", str(tmp_path / "a.txt"))
    assert spell(text) == words and "--normalize nfc" in text.notes[0] and "é" in text.notes[0]


ENCODINGS = (
    *("utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1250", "cp1251", "cp1252", "cp1253", "cp1256", "latin-1", "big5"),
    *("iso8859-2", "iso8859-15", "koi8-r", "mac-roman", "gbk", "gb18030", "shift-jis", "euc-jp", "euc-kr", "cp437"),
    "iso2022-jp",
)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1), st.sampled_from(ENCODINGS))
def test_a_text_in_any_encoding_is_read_equal_or_refused(words: str, encoding: str) -> None:
    data = words.encode(encoding, "ignore")
    written = data.decode(encoding)
    if encoding not in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        assume(not data.isascii() or encoding == "iso2022-jp")
    try:
        text = "".join(TextDecoder(lambda: iter((data,)), "a.txt").strings())
    except UserError:
        pass
    else:
        valid = data.removeprefix(codecs.BOM_UTF8).decode(errors="replace")  # the very bytes of another text in UTF-8
        assert text in (written.replace("\ufeff", ""), valid)
    chosen = "".join(TextDecoder(lambda: iter((data,)), "a.txt", encoding).strings())
    assert chosen == written.replace("\ufeff", "")


REPORTS = Path(__file__).parent.parent.parent / "shared" / "data" / "reports"


@pytest.mark.skipif(not REPORTS.is_dir(), reason="the reported files are not here")
def test_reported_texts_are_read_right_or_refused_with_the_right_encoding() -> None:
    assert "It may be cp1252 (“it’s late” – and she…)" in refusal(REPORTS / "cp1252-quotes.txt")
    assert "It may be gbk (从前有座山" in refusal(REPORTS / "gbk.txt")
    joined = corpora.read("text", str(REPORTS / "two-files-with-bom-joined.txt"))
    assert "\ufeff" not in joined.vocabulary and "byte-order mark" in joined.notes[0]
    assert "e" in corpora.read("text", str(REPORTS / "accents-decomposed.txt")).vocabulary


def test_what_is_no_regular_file_is_refused_without_being_read(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.txt").startswith("There is no file ")
    assert refusal(tmp_path / "none.txt" / "a").startswith("There is no file ")
    assert "is a directory without a text file" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "is a pipe, not a regular file" in refusal(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert "is a socket, not a regular file" in refusal(tmp_path / "socket")
    for device in ("zero", "full", "urandom", "null"):
        assert "is a device, not a regular file" in refusal(Path("/dev") / device)
    assert "cannot be read" in refusal(tmp_path / "\0")


def test_a_text_is_read_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_CHUNK_BYTES", 2**18)
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(3 * 2**20)
    chunks = sources.file_chunks(tmp_path / "large.txt", max_bytes=2**20)()
    with pytest.raises(UserError, match="has more than 1 MB"):
        list(chunks)


def test_a_task_without_a_text_asks_for_one() -> None:
    with pytest.raises(UserError, match="--text FILE"):
        corpora.read("text")


def test_a_large_vocabulary_is_capped_to_the_commonest_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("aaaaaa cc bbbb dd ccc x", encoding="utf-8")
    text = corpora.read("text", str(tmp_path / "a.txt"), max_vocabulary=4)
    assert text.vocabulary == (" ", "a", "c", corpora.UNKNOWN)
    assert text.unknown_id == 3
    assert spell(text) == "aaaaaa cc ???? ?? ccc ?".replace("?", corpora.UNKNOWN)
    assert len(text.notes) == 1
    assert "6 different characters" in text.notes[0]


def test_bytes_are_read_as_they_are_each_with_a_symbol_of_its_own_that_can_be_shown(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + bytes(range(256)) * 3 + b"one\r\ntwo\r"
    (tmp_path / "a.bin").write_bytes(content)
    text = corpora.read("text", str(tmp_path / "a.bin"), as_bytes=True)
    assert text.ids.dtype == np.uint8 and text.ids.tolist() == list(content)
    assert text.sha256 == hashlib.sha256(content).hexdigest()
    assert text.vocabulary == corpora.BYTE_SYMBOLS and len(set(corpora.BYTE_SYMBOLS)) == 256
    assert all(len(symbol) == 1 and (symbol.isprintable() or symbol in "\t\n") for symbol in corpora.BYTE_SYMBOLS)
    assert [corpora.BYTE_SYMBOLS[byte] for byte in b"a~\n\0\r\xe9"] == ["a", "~", "\n", "␀", "␍", "é"]
    assert corpora.symbols_to_bytes(spell(text)) == content


def test_the_rarest_bytes_are_read_as_one_and_another_file_too(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\xff" * 9 + b"\0" * 7 + b"c" * 5 + b"\x80" * 3 + b"b")
    text = corpora.read("text", str(tmp_path / "a.bin"), max_vocabulary=3, as_bytes=True)
    assert text.unknown_id is not None and text.vocabulary[text.unknown_id] == corpora.UNKNOWN
    assert set(text.vocabulary) == {"\xff", "␀", corpora.UNKNOWN}
    assert spell(text) == "\xff" * 9 + "␀" * 7 + corpora.UNKNOWN * 9
    assert "5 different bytes" in text.notes[0] and "36.00%" in text.notes[0]
    (tmp_path / "b.bin").write_bytes(b"\0z\xff\x80")
    ids, unseen = corpora.encode_file(str(tmp_path / "b.bin"), text.vocabulary, text.unknown_id, as_bytes=True)
    assert "".join(text.vocabulary[i] for i in ids) == f"␀{corpora.UNKNOWN}\xff{corpora.UNKNOWN}"
    assert unseen == ()


def test_a_vocabulary_as_large_as_the_text_s_changes_nothing_and_one_that_is_no_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("abcabdacbdbac" * 9, encoding="utf-8")
    for most in (4, 5):
        assert corpora.read("text", str(tmp_path / "a.txt"), max_vocabulary=most).vocabulary == ("a", "b", "c", "d")
    task = make(make_config("text", text=str(tmp_path / "a.txt"), max_vocabulary=3, seq_len=5))
    assert task.vocabulary == ("a", "b", corpora.UNKNOWN)
    for wrong in (1, 65_537):
        with pytest.raises(UserError, match="vocabulary is"):
            make_config("text", max_vocabulary=wrong)


def test_a_setting_of_bytes_makes_a_task_of_bytes_from_any_text(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\0\xff\x10" * 99)
    assert make(make_config("text", text=str(tmp_path / "a.bin"), read_as_bytes=True)).vocabulary == ("␀", "␐", "ÿ")
    (tmp_path / "a.txt").write_text("größe " * 99, encoding="utf-8")
    assert set(make(make_config("prose", text=str(tmp_path / "a.txt"))).vocabulary) == set("größe ")
    assert set(make(make_config("prose", text=str(tmp_path / "a.txt"), read_as_bytes=True)).vocabulary) == set(
        "grÃ¶⢟e "
    )
    with pytest.raises(UserError, match="Leave out --read-as-bytes"):
        make(make_config("words", read_as_bytes=True))


def test_three_hundred_symbols_take_two_bytes_each_and_come_back_right(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    words = "".join(chr(0x4E00 + int(i)) for i in rng.integers(0, 300, 5_000))
    (tmp_path / "a.txt").write_text(words, encoding="utf-8")
    text = corpora.read("text", str(tmp_path / "a.txt"))
    assert text.ids.dtype == np.uint16
    assert spell(text) == words


def test_another_text_is_read_in_a_known_vocabulary_and_what_is_unknown_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("abcédéb", encoding="utf-8")
    ids, unseen = corpora.encode_file(str(tmp_path / "a.txt"), ("b", "c", "d"))
    assert ids.tolist() == [0, 1, 2, 0]
    assert unseen == ("a", "é")
    with pytest.raises(UserError, match="no character that the network knows"):
        corpora.encode_file(str(tmp_path / "a.txt"), ("x", "y"))


def test_two_hundred_megabytes_are_read_within_600_megabytes(tmp_path: Path) -> None:
    file = tmp_path / "large.txt"
    rng = np.random.default_rng(3)
    block = rng.integers(32, 127, 2**20, np.uint8).tobytes() + "é\r\n".encode()
    with file.open("wb") as out:
        for _ in range(200):
            out.write(block)
    script = (
        "import resource, sys; from rnnplay.config import RunConfig; from rnnplay.tasks import make\n"
        "task = make(RunConfig(task='text', text=sys.argv[1]))\n"
        "task.baselines(); task.batch(0); list(task.evaluation())\n"
        "print(len(task.training_ids) + len(task.held_out_ids), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    said = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=True).stdout
    characters, peak = map(int, said.split())
    assert characters == 200 * (2**20 + 2)
    unit = 1 if sys.platform == "darwin" else 1024
    assert peak * unit < 600 * 2**20


@pytest.mark.parametrize("inside", [b"caf\xe9 au lait\n", b"\xff\xfe\n", b"\xc0\x80\n", b"\xed\xa0\xbd\n"])
def test_a_text_that_is_utf_8_but_for_some_bytes_is_refused_by_their_line(tmp_path: Path, inside: bytes) -> None:
    text = "größe, né, “words”\n".encode() * 5
    (tmp_path / "a.txt").write_bytes(text + inside + text)
    said = refusal(tmp_path / "a.txt")
    assert '"a.txt" is UTF-8 but for some bytes: the first, 0x' in said and "is in line 6, at offset 1" in said
    assert "--encoding" not in said  # any other would destroy the rest

"""Encodings of bytes that are not UTF-8: the likeliest are named with what they give, none is used unasked."""

import pytest

from rnnplay.config import UserError
from rnnplay.corpora.decoding import TextDecoder
from rnnplay.corpora.encoding_guess import (
    check_encoding,
    guess_encodings,
    is_iso_2022,
    is_mostly_utf8,
    refusal,
    sample_of,
)
from rnnplay.corpora.encoding_languages import fitting_encodings

TEXTS = {
    "cp1252": "He said “it’s late” – and she replied “don’t worry, it’s only €5…”",
    "latin_1": "Größe né, façade à l'été. Où est le garçon? Ça va très bien, merci.",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "cp1251": "Он сказал: «Привет» – и ушёл. “Да”, ответил старик у моря.",
    "koi8_r": "Жил-был старик со старухой у самого синего моря.",
    "cp866": "Жил-был старик со старухой у самого синего моря.",
    "cp1253": "Καλημέρα κόσμε, πώς είσαι σήμερα; Όλα καλά.",
    "cp1255": "שלום עולם, מה שלומך היום? הכל בסדר גמור.",
    "cp1256": "السلام عليكم، كيف حالك اليوم؟ كل شيء بخير.",
    "gbk": "从前有座山，山上有座庙，庙里有个老和尚。",
    "big5": "從前有座山，山上有座廟，廟裡有個老和尚。",
    "shift_jis": "昔々あるところに、おじいさんとおばあさんが住んでいました。",
    "euc_kr": "옛날 옛적에 호랑이가 담배를 피우던 시절에 한 나무꾼이 살았습니다.",
    "cp874": "สวัสดีชาวโลก วันนี้เป็นอย่างไรบ้าง",
    "mac_roman": "Größe né, façade à l'été. “Où” est le garçon? Ça va très bien",
    "utf_16_le": "No mark stands before this text.",
    "utf_16_be": "No mark stands before this text.",
    "iso2022_jp": "昔々あるところに、おじいさんとおばあさんが住んでいました。",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_the_first_guess_reads_a_text_right_and_shows_its_words(encoding: str) -> None:
    text = TEXTS[encoding]
    first = guess_encodings(text.encode(encoding))[0]
    assert text.encode(encoding).decode(first.name) == text
    assert first.excerpt.rstrip("…") in text and first.excerpt


def test_quotation_marks_of_windows_are_not_taken_for_controls_of_latin_1() -> None:
    names = [guess.name for guess in guess_encodings(TEXTS["cp1252"].encode("cp1252"))]
    assert names[0] == "cp1252" and not {"latin_1", "iso8859_1"} & set(names)


def test_encodings_that_read_a_text_alike_are_named_once_by_the_commonest() -> None:
    for encoding in TEXTS:
        data = TEXTS[encoding].encode(encoding)
        texts = [data.decode(guess.name) for guess in guess_encodings(data)]
        assert len(set(texts)) == len(texts)
    assert guess_encodings(TEXTS["gbk"].encode("gbk"))[0].name == "gbk"  # not gb18030


def test_where_nothing_fits_that_is_said() -> None:
    error = refusal("noise.bin", "is not UTF-8", bytes(range(1, 256)) * 3, "Read it as bytes with --read-as-bytes.")
    assert error.problem.endswith("no encoding that is known here fits it.")


def test_a_refusal_names_the_encodings_with_their_words_and_how_to_choose() -> None:
    error = refusal("a.txt", "is not UTF-8", TEXTS["gbk"].encode("gbk"), "Or read it as bytes with --read-as-bytes.")
    assert "gbk (从前有座山" in error.problem and "--encoding gbk" in error.remedy


def test_the_sample_is_the_lines_beyond_ascii_wherever_they_stand() -> None:
    chunks = [b"plain\n" * 30_000, b"caf", b"\xe9 au lait\nplain\nna\xefve"]
    assert sample_of(chunks) == b"caf\xe9 au lait\nna\xefve"
    assert len(sample_of([b"\xe9" * 10**6 + b"\n"] * 4)) < 2**17


def test_japanese_by_escape_sequences_is_told_from_the_colours_of_a_terminal() -> None:
    assert is_iso_2022("日本".encode("iso2022_jp")) and is_iso_2022("한국".encode("iso2022_kr"))
    assert not is_iso_2022(b"\x1b[32mOK\x1b[0m \x1b]0;title\x07 \x1b(B")


@pytest.mark.parametrize("name", ["latin1", "cp1252", "utf-16-le", "GBK", "shift-jis", "windows-1251"])
def test_an_encoding_that_python_knows_is_taken(name: str) -> None:
    assert check_encoding(name) == name


@pytest.mark.parametrize("name", ["cp125", "base64", "rot13", "idna", "klingon", "", "a\0b", "undefined"])
def test_what_is_no_encoding_of_texts_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="There is no encoding"):
        check_encoding(name)


IN_LANGUAGES = {
    "Zażółć gęślą jaźń. Łódź płynie wzdłuż rzeki.": ("cp1250", "iso8859_2", "cp852"),
    "Příliš žluťoučký kůň úpěl ďábelské ódy.": ("cp1250", "iso8859_2", "cp852"),
    "Árvíztűrő tükörfúrógép. Őszi este volt.": ("cp1250", "iso8859_2", "cp852"),
    "Þetta er ferja sem bíður við höfnina.": ("cp1252",),
    "¿Dónde está el señor Muñoz? ¡Mañana!": ("cp1252", "mac_roman", "cp437"),
    "Große Fähre – „über“ den Fluß.": ("cp1252", "mac_roman"),
    "Паром ждёт у причала, смотритель идёт.": ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic"),
    "Пором чекає біля причалу, їжак.": ("cp1251", "koi8_u"),
    "Το πλοίο περιμένει στο λιμάνι.": ("cp1253", "iso8859_7"),
    "Işık söndü, yaşlı bekçi ağır ağır yürüyor.": ("cp1254", "iso8859_9", "cp857"),
    "הספינה מחכה בנמל והשומר הזקן הולך לאט.": ("cp1255", "iso8859_8"),
    "渡し船は港で待っている。カタカナもある。": ("shift_jis", "euc_jp", "iso2022_jp"),
    "나룻배는 항구에서 기다리고 있다.": ("euc_kr",),
}


@pytest.mark.parametrize("text", IN_LANGUAGES)
def test_of_one_line_in_a_language_the_first_guess_is_right(text: str) -> None:
    """The first words that are shown are the text's own, whatever the guess is called."""
    for name in IN_LANGUAGES[text]:
        sample = sample_of([f"plain\n{text}\n".encode(name)])
        first = guess_encodings(sample)[0]
        assert sample.decode(first.name) == sample.decode(name), (name, first)


def test_what_a_wrong_encoding_gives_is_spelt_in_no_language() -> None:
    assert "koi8_r" in fitting_encodings("Паром ждёт у причала.".encode("koi8_r"))
    assert "cp1251" not in fitting_encodings("Паром Ждёт у Причала.".encode("koi8_r"))  # оЮПНЛ
    assert "cp1252" not in fitting_encodings("x ü«ü y ü»ü".encode("cp1252"))


def test_one_line_without_an_end_is_a_sample_too_and_one_letter_no_proof_of_utf8() -> None:
    switching = "渡し船".encode("iso2022_jp")
    assert sample_of([b"plain\n" + switching]) == switching
    assert is_mostly_utf8("élèves été".encode() + b" \xe9") and not is_mostly_utf8("café".encode())


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        ("从前有座山，山里有座庙。\n", "hz"),
        ("Größe, né, für alle\n", "utf_7"),
        ("あめが ふる 日\n", "utf_7"),
        ("“Never” – so\n", "utf_7"),
    ],
)
def test_encodings_in_bytes_of_ascii_are_refused_until_one_is_chosen(words: str, encoding: str) -> None:
    data = words.encode(encoding) * 3
    assert data.isascii()
    with pytest.raises(UserError, match=f"is ASCII, but seems to be written in {encoding} .*--encoding {encoding}"):
        list(TextDecoder(lambda: iter((data,)), "a.txt").strings())
    assert "".join(TextDecoder(lambda: iter((data,)), "a.txt", encoding).strings()) == words * 3
    assert "".join(TextDecoder(lambda: iter((data,)), "a.txt", "ascii").strings()) == data.decode()


@pytest.mark.parametrize(
    "plain",
    [
        "x = a+b-c; y = +foo- + 1; z++\n",
        "f(x) = +abc- and +xyz-\n+one +two +three\n",
        "see~{\\it this}~ and ~{that}~ ~{x}~\n",
        "+49 30 1234567\n+49 30 7654321\n+4917012345678\n",
        "C++, +1, +/- 3, a+b+c, q+/r+/s+/\n",
    ],
)
def test_plus_signs_and_tildes_of_ascii_are_read_as_they_are(plain: str) -> None:
    assert "".join(TextDecoder(lambda: iter((plain.encode() * 9,)), "a.txt").strings()) == plain * 9

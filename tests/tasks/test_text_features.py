"""What is known to be true at each character, on texts small enough to mark by hand."""

import numpy as np
import pytest

from rnnplay.tasks import text_features


def marked(values: np.ndarray) -> str:
    return "".join("#" if value else "." for value in values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('He said, "Go." She', ".........####....."),
        ('on," he said. "No', "###...........###"),
        ('("Yes")', ".####.."),
        ("“Oh” no", "###...."),
        ('"I can--" he', "########...."),
        ('said--"Come!" he', "......######...."),
        ("none", "...."),
        ('"Oh"', "###."),
    ],
)
def test_quotes_open_after_a_space_and_close_elsewhere_wherever_the_piece_begins(text: str, expected: str) -> None:
    assert marked(text_features.inside_quotes(text)) == expected


@pytest.mark.parametrize(
    ("text", "strings", "comments"),
    [
        ("x = 'a#b' # it's", "....####........", "..........######"),
        ('f("a\\"b", 1)', "..#####.....", "............"),
        ("'''a'b\nc''' d", "##########...", "............."),
        ("'ab\nc", "###..", "....."),
        ("# a\nb", ".....", "###.."),
    ],
)
def test_python_strings_and_comments_are_told_apart(text: str, strings: str, comments: str) -> None:
    known = text_features.FEATURES["python"]
    assert marked(known["inside a string"](text)) == strings
    assert marked(known["inside a comment"](text)) == comments


def test_a_piece_of_python_that_begins_in_a_doc_string_is_seen_through() -> None:
    text = 'the end of it.\n    """\n    x = 1\n\ndef f():\n    """Say."""\n    return x\n'
    inside = text_features.FEATURES["python"]["inside a string"](text)
    assert inside[0]
    assert not inside[text.index("x = 1")]
    assert inside[text.index("Say")]
    assert not inside[text.index("return")]


def test_c_comments_strings_characters_and_conditions_are_told_apart() -> None:
    text = 'a; /* "b" */ s = "x/*"; // c\'\nif (s == \'"\' && f(1)) d;'
    known = text_features.FEATURES["code"]
    comment, string, condition = (
        known[name](text) for name in ("inside a comment", "inside a string", "inside an if condition")
    )
    assert "".join(np.array(list(text))[comment]) == '/* "b" *// c\''
    assert "".join(np.array(list(text))[string]) == '"x/*'
    assert "".join(np.array(list(text))[condition]) == "(s == '\"' && f(1)"


def test_a_piece_of_c_that_begins_in_a_comment_is_seen_through() -> None:
    inside = text_features.FEATURES["code"]["inside a comment"]('it\'s so */ x = "a"; /* b */')
    assert inside[0] and not inside[11] and inside[-3]


def test_layout_features_count_columns_indentation_words_and_brackets() -> None:
    text = "ab\n  (c [d])\n e)"
    assert text_features.column(text).tolist() == [1, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3]
    assert text_features.indentation(text).tolist() == [0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 0, 1, 1, 1]
    assert marked(text_features.word_start(text)) == "#.....#..#....#."
    assert text_features.bracket_depth(text).tolist() == [1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 2, 1, 1, 1, 1, 0]
    assert marked(text_features.inside_parentheses("a (b) ((c) (d\n\ne")) == "..##..########.."


def test_braces_are_counted_but_not_those_of_strings_comments_and_characters() -> None:
    depth = text_features.FEATURES["code"]["brace depth"]
    assert depth("{a{b}\"{\" /*{*/ '{'}{").tolist() == [1, 1, 2, 2, 1] + [1] * 13 + [0, 1]
    assert depth("x;}y{}").tolist() == [1, 1, 0, 0, 1, 0]  # it began inside


@pytest.mark.parametrize("kind", sorted(text_features.FEATURES))
def test_features_of_nothing_are_empty(kind: str) -> None:
    for feature in text_features.FEATURES[kind].values():
        assert feature("").shape == (0,)


def test_a_file_of_ones_own_has_the_features_of_its_suffix() -> None:
    assert "inside a comment" in text_features.features_for("text", "/x/y.py")
    assert "inside an if condition" in text_features.features_for("text", "/x/y.c")
    assert "inside quotes" in text_features.features_for("text", "/x/y.txt")


@pytest.mark.parametrize(
    ("task", "feature", "text"),
    [
        ("prose", "inside quotes", 'He said, "Go." She (who - "no") left. “Oh” no'),
        ("prose", "inside parentheses", "a (b) c (d e) (f)"),
        ("code", "inside a comment", "a; /* b */ c; // d\ne; /* // */ f // g */ h\ni"),
    ],
)
def test_between_the_marks_of_a_feature_it_is_true(task: str, feature: str, text: str) -> None:
    opens, closes = text_features.marks_for(task, None)[feature](text)
    assert opens.sum() == closes.sum() > 1
    depth = np.cumsum(opens.astype(int) - closes)
    assert set(depth) <= {0, 1}
    assert marked(text_features.features_for(task, None)[feature](text)) == marked(depth)

"""Features of each character of a text: inside quotes, a comment or a string, bracket depth, indentation.

The feature of a character includes that character, as a hidden state does. A text may begin anywhere in its source, so
each feature makes the likeliest assumption about the part before it.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Feature = Callable[[str], Array]

_OUTSIDE, _STRING, _COMMENT, _CHARACTER = 0, 1, 2, 3


Marks = Callable[[str], tuple[Array, Array]]
"""Text -> where a feature begins and where it ends: two of bool (N,)."""


def quote_marks(text: str) -> tuple[Array, Array]:
    """Opening and closing quotes. A straight one opens after white space, a bracket or a dash that goes on."""
    opens = np.zeros(len(text), bool)
    closes = np.zeros(len(text), bool)
    for at, symbol in enumerate(text):
        if symbol == '"':
            before, goes_on = text[at - 1] if at else "", not text[at + 1 : at + 2].isspace()
            # After a dash: 'he said--"Come!"' opens, '"I cannot--" he said' closes.
            opening = before.isspace() or before in ("(", "[") or (before in ("", "-", "—") and goes_on)
            (opens if opening else closes)[at] = True
        elif symbol in "“«":
            opens[at] = True
        elif symbol in "”»":
            closes[at] = True
    return opens, closes


def inside_quotes(text: str) -> Array:
    """bool (N,): between the marks of `quote_marks`; the one read last decides."""
    opens, closes = quote_marks(text)
    marks = np.flatnonzero(opens | closes)
    if not len(marks):
        return np.zeros(len(text), bool)
    last = np.cumsum(opens | closes) - 1  # the mark read last; -1: none yet
    inside: Array = np.where(last >= 0, opens[marks[last]], closes[marks[0]])
    return inside


def column(text: str) -> Array:
    """float (N,): characters since the line began; the newline itself is 0."""
    at = np.arange(len(text))
    newline = np.fromiter((symbol == "\n" for symbol in text), bool, len(text))
    result: Array = (at - np.maximum.accumulate(np.where(newline, at, -1))).astype(np.float32)
    return result


def indentation(text: str) -> Array:
    """float (N,): white space at the beginning of the present line, as far as it has been read."""
    result = np.zeros(len(text), np.float32)
    width, leading = 0, True
    for at, symbol in enumerate(text):
        if symbol == "\n":
            width, leading = 0, True
        elif leading and symbol in " \t":
            width += 1 if symbol == " " else 8 - width % 8
        else:
            leading = False
        result[at] = width
    return result


def word_start(text: str) -> Array:
    """bool (N,): the first letter of a word."""
    word = np.fromiter((symbol.isalnum() or symbol == "_" for symbol in text), bool, len(text))
    result: Array = word & ~np.concatenate([[False], word[:-1]])
    return result


def bracket_depth(text: str) -> Array:
    """float (N,): how many of ( [ { are open. Strings are not recognised; a negative depth lifts all values."""
    change = np.fromiter(((symbol in "([{") - (symbol in ")]}") for symbol in text), np.int64, len(text))
    depth = np.cumsum(change)
    result: Array = (depth - min(0, int(depth.min(initial=0)))).astype(np.float32)
    return result


def inside_parentheses(text: str) -> Array:
    """bool (N,): within ( and ), which never span an empty line."""
    result = np.zeros(len(text), bool)
    depth = 0
    for at, symbol in enumerate(text):
        depth += (symbol == "(") - (symbol == ")" and depth > 0)
        if symbol == "\n" and text[at - 1 : at] == "\n":
            depth = 0
        result[at] = depth > 0
    return result


def _parentheses(text: str) -> tuple[Array, Array]:
    return _symbols_that("(".__eq__)(text), _symbols_that(")".__eq__)(text)


def _comment_marks(text: str) -> tuple[Array, Array]:
    """Return where comments of C begin and end; one that begins with // ends with its line."""
    opens, closes = np.zeros(len(text), bool), np.zeros(len(text), bool)
    in_block = in_line = False
    for match in re.finditer(r"/\*|\*/|//|\n", text):
        mark = match[0]
        if mark in ("/*", "//") and not in_line and not (mark == "//" and in_block):
            opens[match.start()] = True
            in_block, in_line = mark == "/*", mark == "//"
        elif (mark == "*/" and not in_line) or (mark == "\n" and in_line):
            closes[match.end() - 1] = True
            in_block = in_line = False
    return opens, closes


def _python_states(text: str, begin: str = "") -> Array:
    """Outside, string or comment at each character of Python source that begins inside the quotes `begin`."""
    states = np.zeros(len(text), np.uint8)
    quote, at, comment = begin, 0, False
    while at < len(text):
        symbol, width = text[at], 1
        if comment:
            comment = symbol != "\n"
        elif not quote:
            if symbol in "\"'":
                quote = symbol * 3 if text.startswith(symbol * 3, at) else symbol
                width = len(quote)
            comment = symbol == "#"
        elif symbol == "\\":
            width = 2
        elif text.startswith(quote, at):
            states[at : at + len(quote) - 1] = _STRING
            at, quote = at + len(quote) - 1, ""
        elif symbol == "\n" and len(quote) == 1:
            quote = ""
        states[at : at + width] = _COMMENT if comment else _STRING if quote else _OUTSIDE
        at += width
    return states


def _python(text: str) -> Array:
    """The states of Python source. If fewer code-like lines are then in strings, it begins inside a docstring."""
    words = ("\ndef ", "\nclass ", "\n    def ", "\nimport ", "\nfrom ", " = ", "return ")
    places = [at for word in words for at in _places(text, word)]
    guesses = [_python_states(text, begin) for begin in ("", '"""')]
    hidden = [np.count_nonzero(states[places] == _STRING) for states in guesses]
    return guesses[int(hidden[1] < hidden[0])]


def _places(text: str, word: str) -> list[int]:
    places, at = [], text.find(word)
    while at >= 0:
        places.append(at + 1)
        at = text.find(word, at + 1)
    return places


def _c(text: str) -> Array:
    """Outside, string, comment or character constant at each character of C source."""
    states = np.zeros(len(text), np.uint8)
    # The text begins inside a comment if one ends before any begins.
    ends, begins = text.find("*/"), text.find("/*")
    state, until, at = (_COMMENT, "*/", 0) if 0 <= ends < (begins if begins >= 0 else len(text)) else (_OUTSIDE, "", 0)
    while at < len(text):
        width = 1
        if state == _OUTSIDE:
            for start, (kind, end) in _C_STARTS.items():
                if text.startswith(start, at):
                    state, until, width = kind, end, len(start)
                    break
        elif state != _COMMENT and text[at] == "\\":
            width = 2
        elif text.startswith(until, at):
            states[at : at + len(until) - 1] = state
            at, state = at + len(until) - 1, _OUTSIDE
        elif text[at] == "\n" and state != _COMMENT:
            state = _OUTSIDE
        states[at : at + width] = state
        at += width
    return states


_C_STARTS = {"/*": (_COMMENT, "*/"), "//": (_COMMENT, "\n"), '"': (_STRING, '"'), "'": (_CHARACTER, "'")}


def _condition(text: str) -> Array:
    """bool (N,): within the parentheses of `if (...)` in C source."""
    code = _c(text) == _OUTSIDE
    result = np.zeros(len(text), bool)
    for place in _places(text, "if ("):
        at, depth = place + 2, 0
        while at < len(text):
            if code[at]:
                depth += (text[at] == "(") - (text[at] == ")")
            if depth == 0:
                break
            result[at] = True
            at += 1
    return result


def brace_depth(text: str) -> Array:
    """float (N,): how many { of C source are open, outside comments and strings; a negative depth lifts all values."""
    code = _c(text) == _OUTSIDE
    change = np.fromiter(((symbol == "{") - (symbol == "}") for symbol in text), np.int64, len(text))
    depth = np.cumsum(change * code)
    result: Array = (depth - min(0, int(depth.min(initial=0)))).astype(np.float32)
    return result


def _symbols_that(test: Callable[[str], bool]) -> Feature:
    """bool (N,): the character itself passes `test`."""

    def feature(text: str) -> Array:
        passes = {symbol: test(symbol) for symbol in set(text)}
        return np.fromiter((passes[symbol] for symbol in text), bool, len(text))

    return feature


def space_next(text: str) -> Array:
    """bool (N,): white space follows, which the network does not see but may expect; at the last character False."""
    space = _symbols_that(str.isspace)(text)
    return np.concatenate([space[1:], [False]])


def word_length(text: str) -> Array:
    """float (N,): letters and digits of the word so far; 0 outside words."""
    word = _symbols_that(lambda symbol: symbol.isalnum() or symbol == "_")(text)
    at = np.arange(len(text))
    outside = np.maximum.accumulate(np.where(word, -1, at))
    result: Array = np.where(word, at - outside, 0).astype(np.float32)
    return result


_LAYOUT: dict[str, Feature] = {"start of word": word_start, "column": column}
_PROSE: dict[str, Feature] = {"inside quotes": inside_quotes, "inside parentheses": inside_parentheses} | _LAYOUT
_CODE: dict[str, Feature] = {"bracket depth": bracket_depth, "indentation": indentation} | _LAYOUT

GENERAL: dict[str, Feature] = {
    "inside quotes": inside_quotes,
    "inside parentheses": inside_parentheses,
    "start of word": word_start,
    "after a newline": _symbols_that(lambda symbol: symbol == "\n"),
    "column": column,
    "word length": word_length,
    "upper case": _symbols_that(str.isupper),
    "digit": _symbols_that(str.isdigit),
    "vowel": _symbols_that(lambda symbol: symbol.lower() in "aeiouy"),
    "punctuation": _symbols_that(lambda symbol: symbol in ".,;:!?"),
    "space next": space_next,
    "indentation": indentation,
    "bracket depth": bracket_depth,
}
"""Features that any text may have."""

FEATURES: dict[str, dict[str, Feature]] = {
    "prose": _PROSE,
    "docs": _PROSE | {"indentation": indentation},
    "latex": {"bracket depth": bracket_depth} | _LAYOUT,
    "python": {
        "inside a string": lambda text: _python(text) == _STRING,
        "inside a comment": lambda text: _python(text) == _COMMENT,
        **_CODE,
    },
    "code": {
        "inside a comment": lambda text: _c(text) == _COMMENT,
        "inside a string": lambda text: _c(text) == _STRING,
        "inside an if condition": _condition,
        "brace depth": brace_depth,
        **_CODE,
    },
}
_SUFFIXES = {"python": (".py",), "code": (".c", ".h", ".cc", ".cpp", ".java", ".js"), "latex": (".tex",)}


def features_for(task: str, path: str | None) -> dict[str, Feature]:
    """The features of the text of `task`, or of the user's file at `path`, chosen by its suffix; then the general ones.

    Of source code quotes are strings, and brackets are counted as the language has them: see FEATURES.
    """
    own = FEATURES.get(_kind(task, path), _PROSE)
    general = GENERAL if "inside a string" not in own else {n: f for n, f in GENERAL.items() if n != "inside quotes"}
    return own | {name: feature for name, feature in general.items() if name not in own}


def marks_for(task: str, path: str | None) -> dict[str, Marks]:
    """The marks of those features of the text that begin with one mark and end with another."""
    marks: dict[str, Marks] = {"inside quotes": quote_marks, "inside parentheses": _parentheses}
    return marks | ({"inside a comment": _comment_marks} if _kind(task, path) == "code" else {})


def _kind(task: str, path: str | None) -> str:
    if path is None:
        return task
    return next((kind for kind, suffixes in _SUFFIXES.items() if path.endswith(suffixes)), "prose")

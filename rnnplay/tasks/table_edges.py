"""Lines around a table in its file: comments, titles, a line that names the separator, a total at the end."""

import re
from collections import Counter

from rnnplay.tasks.table_cells import is_date, is_missing, parse_number

MAX_TITLES = 20  # lines above the headings
_HEAD_CHARACTERS = 2**16  # in which titles are looked for
_LEAST_ALIKE = 0.9  # of the lines have the separator equally often

_RULE = re.compile(r"^[ \t]*(?=.*[|+])(?=.*---)[-|+:= \t]+$", re.MULTILINE)  # between headings and rows
_COMMENT = re.compile(r"[ \t]*(?:#|%|//)")
_INNER_COMMENTS = re.compile(r"^[ \t]*(?:#|//).*", re.MULTILINE)
_SEPARATOR_LINE = re.compile(r"\"?sep=.\"?")  # what Excel reads above a table
_TOTAL = re.compile(
    r"(?:(?:grand|sub|overall)[ -]?)?(?:totals?|sum|mean|average|avg|median|summe|gesamt|gesamtsumme|mittel|mittelwert"
    r"|durchschnitt|somme|moyenne|suma|promedio|totale|media|итого|всего|合计|合計|総計)\W*",
    re.IGNORECASE,
)
_FIRST_CELL = re.compile(r'[ \t]*(?:"([^"]*)"|([^;\t|,]*))[ ]*(?:[;\t|,]|$)')


def table_alone(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` with empty lines in place of comments and of what stands above the headings, and without a total.

    Also remarks on what is left out below the headings. Line ends are newlines; the numbers of the lines remain.
    """
    remarks = []
    head = text[:_HEAD_CHARACTERS].split("\n")
    begin = _first_line(head)
    begin += _count_titles([line for line in head[begin:-1] if line.strip() and not _COMMENT.match(line)], head[begin:])
    if begin:
        text = "\n" * begin + text.split("\n", begin)[begin]
    if "---" in text[:_HEAD_CHARACTERS]:
        text = _RULE.sub("", text[:_HEAD_CHARACTERS]) + text[_HEAD_CHARACTERS:]
    comments = _INNER_COMMENTS.findall(text) if "#" in text or "//" in text else []
    if 0 < 2 * len(comments) < text.count("\n"):
        text = _INNER_COMMENTS.sub("", text)
        count = len(comments)
        lines_begin = "lines begin" if count > 1 else "line begins"
        remarks.append(f"{count:,} {lines_begin} with {comments[0].strip()[0]}: left out.")
    lines, last = _last_lines(text)
    if len(lines) == 2 and _TOTAL.fullmatch(_first_cell(lines[1])) and _is_value(_first_cell(lines[0])):
        line = text.count("\n", 0, last) + 1
        remarks.append(f'Line {line:,}, "{lines[1].strip()}", is no row and left out.')
        text = text[:last]
    return text, tuple(remarks)


def undated_last_line(text: str) -> int | None:
    """The number of the last line if it begins with an empty cell, unlike the two above, which begin with a date."""
    lines, last = _last_lines(text, 3)
    firsts = [_first_cell(line) for line in lines]
    if len(lines) == 3 and not firsts[-1] and all(map(is_date, firsts[:-1])):
        return text.count("\n", 0, last) + 1
    return None


def _first_line(lines: list[str]) -> int:
    """The first of `lines` that is neither blank nor a comment, nor names the separator; 0 if there is none."""
    for place, line in enumerate(lines):
        if line.strip() and not _COMMENT.match(line) and not _SEPARATOR_LINE.fullmatch(line.strip()):
            return place
    return 0


def _count_titles(written: list[str], lines: list[str]) -> int:
    """Return how many of `lines` stand above the headings: they have fewer cells. written: those that are not blank."""
    signs = ";\t|,"
    for sign in signs:
        if len(counts := {line.rstrip(f"{sign} ").count(sign) for line in written}) == 1 and counts != {0}:
            return 0  # all lines are rows
    for sign in signs:
        widths = Counter(line.count(sign) for line in written)
        if not widths:
            return 0
        usual, alike = widths.most_common(1)[0]
        if not usual or alike < _LEAST_ALIKE * len(written) - MAX_TITLES or 2 * alike < len(written):
            continue
        first = next((n for n, line in enumerate(lines) if line.rstrip(f"{sign} ").count(sign) >= usual), 0)
        headings = [cell.strip(' "') for cell in lines[first].split(sign)]
        return first if first <= MAX_TITLES and all(cell and not _is_value(cell) for cell in headings) else 0
    return 0


def _last_lines(text: str, count: int = 2) -> tuple[list[str], int]:
    """The last `count` lines that are not blank, and where the last of them begins."""
    lines: list[str] = []
    end, begin = len(text), 0
    while end > 0 and len(lines) < count:
        place = text.rfind("\n", 0, end) + 1
        line = text[place:end]
        if line.strip():
            begin = begin if lines else place
            lines.insert(0, line)
        end = place - 1
    return lines, begin


def _first_cell(line: str) -> str:
    match = _FIRST_CELL.match(line)
    return (match[1] or match[2] or "").strip() if match is not None else ""


def _is_value(cell: str) -> bool:
    return is_date(cell) or is_missing(cell) or any(parse_number(cell, sign) is not None for sign in ".,")

"""The tasks that read a text character by character."""

from typing import Any

from rnnplay.catalogue.entry import Entry

_TEXT: dict[str, Any] = {"cell": "lstm", "hidden": 128, "batch": 32, "seq_len": 64, "lr": 4e-3}

# A short text is soon known by heart: regularisation decides. With these a quote cell forms within two minutes.
_SHORT: dict[str, Any] = _TEXT | {
    "batch": 16,
    "seq_len": 100,
    "lr": 6e-3,
    "dropout": 0.2,
    "weight_dropout": 0.2,
    "decay": 0.02,
    "average": 0.998,
}

TEXTS: tuple[Entry, ...] = (
    Entry(
        name="hello",
        group="PATTERNS",
        title="hello",
        line="four letters: after the first l comes l, after the second o",
        teaches=(
            "The same letter l must be followed by l and then by o, so the network has to remember. "
            "Many to many: at every letter it predicts the next."
        ),
        shape="many to many",
        preset={"cell": "rnn", "hidden": 8, "batch": 4, "seq_len": 5, "lr": 2e-2, "steps": 500, "evaluate_every": 50},
    ),
    Entry(
        name="prose",
        group="TEXT",
        title="prose",
        line="short stories with much talk: which unit knows that it is inside quotes?",
        teaches=(
            "Stories in which people talk a lot, so one unit may learn to follow the quotation marks. "
            "Many to many: at every character it predicts the next."
        ),
        shape="many to many",
        preset=_SHORT,
    ),
    Entry(
        name="play",
        group="TEXT",
        title="a verse play",
        line="a play in five acts: names in capitals, then lines of verse",
        teaches=(
            "Who speaks stands on a line of its own: units may follow names, line lengths and stage directions. "
            "Many to many: at every character it predicts the next."
        ),
        shape="many to many",
        preset=_SHORT,
    ),
    Entry(
        name="latex",
        group="TEXT",
        title="LaTeX",
        line="mathematical papers: environments that open and close, formulas, comments",
        teaches=(
            "What \\begin opens must be closed by \\end, far on: units may follow formulas and environments. "
            "Many to many: at every character it predicts the next."
        ),
        shape="many to many",
        preset=_SHORT,
    ),
    Entry(
        name="code",
        group="TEXT",
        title="C code",
        line="ten C modules: comments, strings, braces, indentation",
        teaches=(
            "Units may follow comments, strings and how deep the braces are nested, as in any large program. "
            "Many to many: at every character it predicts the next."
        ),
        shape="many to many",
        preset=_SHORT,
    ),
    Entry(
        name="docs",
        group="TEXT",
        title="Python's documentation",
        line="the documentation topics that every Python carries",
        teaches=(
            "Half a megabyte of technical English with code, read from the Python that runs this program. "
            "Many to many: at every character it predicts the next."
        ),
        shape="many to many",
        preset=_TEXT,
    ),
    Entry(
        name="python",
        group="TEXT",
        title="Python's standard library",
        line="megabytes of source code: brackets, strings, comments, indentation",
        teaches=(
            "The source of Python's standard library: units may follow brackets, strings, comments and indentation. "
            "Many to many: at every character it predicts the next."
        ),
        shape="many to many",
        preset=_TEXT,
    ),
    Entry(
        name="text",
        group="TEXT",
        title="a text of one's own",
        line="any UTF-8 file: rnnplay train --text FILE",
        teaches=(
            "Any text file: the vocabulary is every character in it. "
            "Many to many: at every character it predicts the next."
        ),
        shape="many to many",
        preset=_TEXT,
    ),
)

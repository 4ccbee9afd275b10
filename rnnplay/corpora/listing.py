"""What is known of every text: where it comes from, its size, its vocabulary, its licence."""

from dataclasses import dataclass
from pathlib import Path

from rnnplay.config import UserError
from rnnplay.corpora import library
from rnnplay.corpora.finding import INSTALLED, Pieces, pieces_in, pieces_of, shipped_names
from rnnplay.corpora.reading import survey


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """One text. `origin`: shipped | installed | downloaded | remote (not here yet) | own."""

    name: str
    origin: str
    size: int = 0  # bytes
    vocabulary: int | None = None  # different characters; None: it is not UTF-8
    licence: str = ""
    path: str | None = None
    problem: str = ""  # why it cannot be used


def every_text() -> list[Corpus]:
    """All texts, those that came with the program first. Each that is here is read once."""
    texts = [_surveyed(name, "shipped", pieces_of(name), "MIT") for name in shipped_names()]
    texts += [_surveyed(name, "installed", pieces_of(name), "PSF") for name in INSTALLED]
    texts += map(_remote, library.REMOTE.values())
    return texts + [_own(name, path) for name, path in library.own_texts().items()]


def _remote(remote: library.Remote) -> Corpus:
    path, problem = library.place_of(remote), ""
    here = path.exists()
    try:
        library.downloaded(remote)
    except UserError as error:
        problem = str(error)
    return Corpus(
        name=remote.name,
        origin="downloaded" if here else "remote",
        size=remote.size,
        vocabulary=remote.vocabulary,
        licence=remote.licence,
        path=str(path) if here else None,
        problem=problem,
    )


def _own(name: str, path: Path) -> Corpus:
    try:
        return _surveyed(name, "own", pieces_in(path), "yours", str(path))
    except UserError as error:
        return Corpus(name=name, origin="own", licence="yours", path=str(path), problem=str(error))


def _surveyed(name: str, origin: str, pieces: Pieces, licence: str, path: str | None = None) -> Corpus:
    vocabulary = None
    try:
        found = survey(pieces, name)
        vocabulary = int((found.counts > 0).sum())
    except UserError:
        found = survey(pieces, name, as_bytes=True)
    return Corpus(name=name, origin=origin, size=found.size, vocabulary=vocabulary, licence=licence, path=path)

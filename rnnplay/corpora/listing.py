"""A list of all texts with origin, size, vocabulary and licence."""

from dataclasses import dataclass
from pathlib import Path

from rnnplay.config import UserError
from rnnplay.corpora.downloadable import DOWNLOADABLE, DownloadableText, download_path, verified_download
from rnnplay.corpora.encoding import SymbolReader, count_symbols
from rnnplay.corpora.files import text_file_chunks
from rnnplay.corpora.library import own_texts
from rnnplay.corpora.sources import INSTALLED, ChunkReader, bundled_chunks, bundled_names


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """One text. origin: shipped | installed | downloaded | remote (not downloaded yet) | own."""

    name: str
    origin: str
    size: int = 0  # bytes
    vocabulary: int | None = None  # different characters; None: it is not UTF-8
    licence: str = ""
    path: str | None = None
    problem: str = ""  # why it cannot be used


def list_corpora() -> list[Corpus]:
    """Return all texts, those that came with the program first. Reads each text that is on the disk once."""
    texts = [_counted_entry(name, "shipped", bundled_chunks(name), "MIT") for name in bundled_names()]
    texts += [_counted_entry(name, "installed", bundled_chunks(name), "PSF") for name in INSTALLED]
    texts += map(_downloadable_entry, DOWNLOADABLE.values())
    return texts + [_own_entry(name, path) for name, path in own_texts().items()]


def _downloadable_entry(text: DownloadableText) -> Corpus:
    path, problem = download_path(text), ""
    is_downloaded = path.exists()
    try:
        verified_download(text)
    except UserError as error:
        problem = str(error)
    return Corpus(
        name=text.name,
        origin="downloaded" if is_downloaded else "remote",
        size=text.size,
        vocabulary=text.vocabulary,
        licence=text.licence,
        path=str(path) if is_downloaded else None,
        problem=problem,
    )


def _own_entry(name: str, path: Path) -> Corpus:
    try:
        return _counted_entry(name, "own", text_file_chunks(path), "yours", str(path))
    except UserError as error:
        return Corpus(name=name, origin="own", licence="yours", path=str(path), problem=str(error))


def _counted_entry(name: str, origin: str, chunks: ChunkReader, licence: str, path: str | None = None) -> Corpus:
    vocabulary = None
    try:
        counts = count_symbols(SymbolReader(chunks, name))
        vocabulary = int((counts.counts > 0).sum())
    except UserError:
        counts = count_symbols(SymbolReader(chunks, name, as_bytes=True))
    return Corpus(name=name, origin=origin, size=counts.size, vocabulary=vocabulary, licence=licence, path=path)

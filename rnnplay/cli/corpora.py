"""The texts as a table, and the commands that download, add and remove one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from rnnplay.cli.report import json_line
from rnnplay.config import UserError, did_you_mean
from rnnplay.formatting import short

if TYPE_CHECKING:
    from rnnplay.corpora.downloadable import ProgressCallback

_ORIGINS = {"remote": "not downloaded"}


def _complete_downloadable(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from rnnplay.corpora.downloadable import DOWNLOADABLE

    return [CompletionItem(name) for name in DOWNLOADABLE if name.startswith(incomplete)]


def _complete_removable(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from rnnplay.corpora.library import removable

    return [CompletionItem(name) for name in removable() if name.startswith(incomplete)]


@click.group(invoke_without_command=True, short_help="List the texts; get, add or remove one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead.")
@click.pass_context
def corpora(ctx: click.Context, as_json: bool) -> None:
    """List the texts: shipped, installed with Python, downloaded, your own.

    Those that were downloaded or added go by their name wherever a command takes --text FILE; a file of that name in
    the current folder comes first.
    """
    if ctx.invoked_subcommand is not None:
        return
    from rnnplay.corpora.listing import list_corpora

    texts = list_corpora()
    if as_json:
        for text in texts:
            json_line("corpus", asdict(text))
        return
    rows = [("NAME", "ORIGIN", "SIZE", "VOCABULARY", "LICENCE")]
    for text in texts:
        vocabulary = "bytes only" if text.vocabulary is None else f"{text.vocabulary:,}"
        rows.append(
            (
                text.name,
                _ORIGINS.get(text.origin, text.origin),
                f"{short(text.size)}B",
                "damaged" if text.problem else vocabulary,
                text.licence,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        numbered = enumerate(zip(row, widths, strict=True))
        cells = [cell.rjust(w) if i in (2, 3) else cell.ljust(w) for i, (cell, w) in numbered]
        print("  ".join(cells).rstrip())
    for text in texts:
        if text.problem:
            print(f"{text.name}: {text.problem}")
        elif text.origin == "remote":
            print(f"{text.name} can be downloaded: rnnplay corpora get {text.name}")


@corpora.command()
@click.argument("name", shell_complete=_complete_downloadable)
def get(name: str) -> None:
    """Download the text NAME.

    It is checked against its known SHA-256. A download that broke off goes on where it was. The last line is the file.
    """
    from rnnplay.corpora.downloadable import DOWNLOADABLE

    if name not in DOWNLOADABLE:
        raise UserError(f"There is no text {name!r} to download.", did_you_mean(name, DOWNLOADABLE))
    from rnnplay.corpora.download import fetch

    with _progress(name) as on_progress:
        path = fetch(DOWNLOADABLE[name], on_progress)
    print(path)


@corpora.command(short_help="Keep a copy of a text of your own, from a file or an address.")
@click.argument("name")
@click.argument("source", metavar="FILE-OR-ADDRESS")
def add(name: str, source: str) -> None:
    """Keep a copy of a text of your own under NAME, from a file or from an address (https://...).

    Then `rnnplay train --text NAME` reads it. The last line is the copy's path.
    """
    from rnnplay.corpora.library import add as add_text

    with _progress(name) as on_progress:
        path = add_text(name, source, on_progress)
    print(path)


@corpora.command()
@click.argument("name", shell_complete=_complete_removable)
def remove(name: str) -> None:
    """Delete the text NAME that was added or downloaded.

    A run that reads it cannot be opened until it is there again.
    """
    from rnnplay.corpora.library import remove as remove_text

    print(f"{remove_text(name)} is removed.", file=sys.stderr)


@contextmanager
def _progress(name: str) -> "Iterator[ProgressCallback]":
    """Yield a ProgressCallback; on a terminal it moves a bar on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        line = bar.add_task(name, total=None)

        def on_progress(done: int, total: int | None) -> None:
            bar.update(line, completed=done, total=total)

        yield on_progress

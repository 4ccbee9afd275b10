"""The commands that look inside: find a unit, prove it; and a picture of it to share."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from rnnplay.config import UserError

_SHOWN = 10  # units in the list for people
_PICTURED = 1_600  # characters in a picture


def _complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from rnnplay.cli import _complete_run as complete

    return complete(ctx, param, incomplete)


_run = click.argument("run", shell_complete=_complete_run)
_pattern = click.option(
    "--pattern",
    required=True,
    metavar="NAME-OR-REGEX",
    help="A feature that the task knows, or a regular expression whose matches are the feature.",
)
_text = click.option("--text", metavar="FILE", help="Look at this text instead of the run's held-out part.")
_encoding = click.option("--encoding", metavar="NAME", help="Of --text; without it UTF-8, or what its mark says.")
_step = click.option("--step", type=int, help="Take the checkpoint after this step instead of the last.")
_runs = click.option("--runs", metavar="DIR", help="Folder of the runs, instead of the user's data folder.")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object instead.")
_characters = click.option("--characters", default=10_000, show_default=True, help="How much of the text is read.")


@click.command()
@_run
@_pattern
@_text
@_encoding
@click.option("--svg", metavar="FILE", help="Write a picture of the text on the best unit's colour.")
@click.option("--unit", metavar="L.U", help="Show this unit (layer.unit) too, and in the picture instead of the best.")
@_characters
@_step
@_runs
@_json
def cells(
    run: str,
    pattern: str,
    text: str | None,
    encoding: str | None,
    svg: str | None,
    unit: str | None,
    characters: int,
    step: int | None,
    runs: str | None,
    as_json: bool,
) -> None:
    """Find the units of RUN that follow a feature of its held-out text.

    All units are ranked by AUC (by rank correlation where the feature has degrees), beside two controls: the best unit
    for the same feature rolled along the text, and the best unit of the untrained network.
    """
    from rnnplay.protocol import FindUnits, UnitsFound, WatchTrace

    chosen = parse_unit(unit) if unit is not None else None
    question = FindUnits(pattern=pattern, characters=characters)
    events = asyncio.run(_ask(_inspect(run, text, encoding, step, runs), question))
    found = next(event for event in events if isinstance(event, UnitsFound))
    own = found.units[:1] if chosen is None else _rows_of(found, *chosen)
    if svg is not None:
        watch = WatchTrace(length=_PICTURED, state=own[0].state, every=0)
        told = asyncio.run(_ask(_inspect(run, text, encoding, step, runs), watch))
        _picture(told, own[0].layer, own[0].unit, found.sentence, Path(svg))
    if as_json:
        _print_json(_as_json(found))
        return
    print(found.sentence)
    print(f"\n{found.measure:>30}")
    words = ("low", "high") if found.measure == "AUC" else ("falls", "rises")
    for rank, u in enumerate(found.units, 1):
        if rank <= _SHOWN or (chosen is not None and u in own):
            where = words[u.sign > 0]
            place = "" if rank <= _SHOWN else f"   place {rank} of {len(found.units)}"
            print(f"  {u.layer + 1}.{u.unit + 1:<6} {u.state}   {where:<5} {u.strength:.3f}{place}")
    if found.pair is not None:
        one, two = found.pair.units
        names = " and ".join(f"{u.layer + 1}.{u.unit + 1} {u.state}" for u in (one, two))
        print(f"  {names} together {found.pair.strength:.3f}")
    print(f"  rolled {found.rolled:.3f}, untrained {found.untrained:.3f}, over {found.characters:,} characters")


@click.command()
@_run
@click.option("--unit", required=True, metavar="L.U", help="Layer and unit as people count them: 1.37.")
@_pattern
@click.option("--to", type=click.Choice(["zero", "mean"]), default="zero", show_default=True, help="Hold it at this.")
@click.option("--others", default=100, show_default=True, help="Other units of the layer to compare with, at most.")
@_text
@_encoding
@_characters
@_step
@_runs
@_json
def ablate(
    run: str,
    unit: str,
    pattern: str,
    to: str,
    others: int,
    text: str | None,
    encoding: str | None,
    characters: int,
    step: int | None,
    runs: str | None,
    as_json: bool,
) -> None:
    """Hold a unit of RUN still: what does that cost inside a feature, and what do other units cost?"""
    from rnnplay.protocol import AblateUnit, UnitAblated

    layer, number = parse_unit(unit)
    if others < 0:
        raise UserError(f"--others is {others}.", "Give 0 or more.")
    command = AblateUnit(layer=layer, unit=number, pattern=pattern, to=to, others=others, characters=characters)
    events = asyncio.run(_ask(_inspect(run, text, encoding, step, runs), command))
    told = next(event for event in events if isinstance(event, UnitAblated))
    if as_json:
        _print_json(
            {
                "kind": "ablated",
                "layer": told.layer + 1,
                "unit": told.unit + 1,
                "pattern": told.pattern,
                "to": told.to,
                "inside": told.inside,
                "outside": told.outside,
                "others_inside": told.others_inside,
                "fraction_beaten": told.fraction_beaten,
                "characters": told.characters,
                "sentence": told.sentence,
            }
        )
    else:
        print(told.sentence)


@click.command()
@click.option("--rebuild", metavar="NAME", help="Train this one anew, by its command.")
@click.option("--into", metavar="DIR", default="gallery", show_default=True, help="Where --rebuild puts it.")
def gallery(rebuild: str | None, into: str) -> None:
    """List the trained networks that came with the program, and the commands that made them.

    Look at one as at any run: rnnplay cells gallery/quotes --pattern "inside quotes".
    """
    from rnnplay import gallery as shipped

    if rebuild is not None:
        print(shipped.rebuild(rebuild, Path(into).expanduser().absolute()))
        return
    for piece in shipped.GALLERY:
        print(f"gallery/{piece.name}\n  {piece.summary}\n  {', '.join(piece.patterns)}\n  {piece.command}")


def parse_unit(text: str) -> tuple[int, int]:
    """1.37 -> layer 0, unit 36. Raises UserError."""
    if not (found := re.fullmatch(r"(\d{1,6})\.(\d{1,6})", text.strip())) or "0" in found.groups():
        raise UserError(f"{text!r} names no unit.", "Give layer and unit, counted from 1: 1.37.")
    return int(found[1]) - 1, int(found[2]) - 1


def parse_clamp(text: str) -> tuple[int, int, float]:
    """1.37=0.9 -> layer 0, unit 36, 0.9. Raises UserError."""
    unit, _, value = text.partition("=")
    try:
        return *parse_unit(unit), float(value)
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{text!r} holds no unit.", "Give layer, unit and value: 1.37=0.9.") from None


def _inspect(run: str, text: str | None, encoding: str | None, step: int | None, root: str | None) -> Any:
    from rnnplay.cli import found_run
    from rnnplay.protocol import Inspect

    file = None if text is None else str(Path(text).expanduser().absolute())
    return Inspect(run=found_run(run, root), step=step, text=file, encoding=encoding)


async def _ask(inspect: Any, question: Any) -> list[Any]:
    """The trainer's words from its start to the answer to `question`. Raises UserError where it has none."""
    from rnnplay.cli.drive import open_trainer, say
    from rnnplay.protocol import Failed, Started, Stopped, Trace, UnitAblated, UnitsFound

    told: list[Any] = []
    async with open_trainer(inspect) as trainer:
        async for event in trainer.client.events():
            told.append(event)
            match event:
                case Started():
                    say(event.notes)
                    await trainer.client.send(question)
                case Failed():
                    raise UserError(event.wrong, event.remedy)
                case UnitsFound() | UnitAblated() | Trace():
                    break
                case Stopped():
                    sys.exit(trainer.status)
                case _:
                    pass
    return told


def _rows_of(found: Any, layer: int, unit: int) -> list[Any]:
    """The h and the c of one unit, the more telling first. Raises UserError where there is no such unit."""
    if own := [u for u in found.units if (u.layer, u.unit) == (layer, unit)]:
        return own
    layers, hidden = (max(places) + 1 for places in zip(*((u.layer, u.unit) for u in found.units), strict=True))
    raise UserError(
        f"There is no unit {unit + 1} of layer {layer + 1}.",
        f"Give a layer from 1 to {layers} and a unit from 1 to {hidden}.",
    )


def _as_json(found: Any) -> dict[str, Any]:
    def unit(u: Any) -> dict[str, Any]:
        # With its sign apart an AUC is the higher one: of the unit, or of its negative.
        value = {"auc": u.strength} if found.measure == "AUC" else {"correlation": u.value}
        return {"layer": u.layer + 1, "unit": u.unit + 1, "state": u.state, **value, "sign": u.sign}

    pair = None
    if found.pair is not None:
        pair = {
            "units": [unit(u) for u in found.pair.units],
            "weights": found.pair.weights,
            **({"auc": found.pair.strength} if found.measure == "AUC" else {"correlation": found.pair.value}),
        }
    return {
        "kind": "cells",
        "pattern": found.pattern,
        "step": found.step,
        "measure": found.measure,
        "units": [unit(u) for u in found.units],
        "controls": {"rolled": found.rolled, "untrained": found.untrained},
        "convincing": found.convincing,
        "pair": pair,
        "share": found.share,
        "characters": found.characters,
        "sentence": found.sentence,
    }


def _print_json(fields: dict[str, Any]) -> None:
    import msgspec

    print(msgspec.json.encode(fields).decode(), flush=True)


def _picture(told: list[Any], layer: int, unit: int, sentence: str, path: Path) -> None:
    from rnnplay.cli.picture import text_on_a_unit
    from rnnplay.protocol import Started, Trace

    trace = next(event for event in told if isinstance(event, Trace))
    started = next(event for event in told if isinstance(event, Started))
    activation = (trace.values.array()[layer, unit].astype(float) - 127) / 127
    c = started.config
    title = f"{c.task} · {c.cell.upper()} {c.layers}x{c.hidden} · step {trace.step:,}"
    try:
        path.write_text(text_on_a_unit(trace.symbols, activation.tolist(), title, sentence), encoding="utf-8")
    except OSError as error:
        raise UserError(f'"{path}" cannot be written ({error.strerror}).', "Name another file.") from None
    print(f"{path}", file=sys.stderr)

"""`rnnplay cells`, `ablate` and `gallery`: find units that follow a feature, and measure what they are worth."""

import os
import re
import sys
from pathlib import Path
from typing import Any

import click

from rnnplay.cli.common import (
    ask_trainer,
    at_option,
    encoding_option,
    json_option,
    print_json,
    resolve_run_argument,
    run_argument,
    runs_option,
    text_path,
)
from rnnplay.config import CheckpointName, UserError

_SHOWN = 10  # units in the printed list
_SVG_CHARACTERS = 1_600


_pattern = click.option(
    "--pattern",
    required=True,
    metavar="NAME-OR-REGEX",
    help="A feature that the task knows, or a regular expression whose matches are the feature.",
)
_text = click.option("--text", metavar="FILE", help="Use this text instead of the run's held-out part.")
_characters = click.option("--characters", default=10_000, show_default=True, help="How much of the text is read.")


@click.command()
@run_argument
@_pattern
@_text
@encoding_option
@click.option("--svg", metavar="FILE", help="Write a picture of the text on the best unit's colour.")
@click.option("--unit", metavar="L.U", help="Show this unit (layer.unit) too, and in the picture instead of the best.")
@_characters
@at_option
@runs_option
@json_option
def cells(
    run: str,
    pattern: str,
    text: str | None,
    encoding: str | None,
    svg: str | None,
    unit: str | None,
    characters: int,
    at: CheckpointName,
    runs: str | None,
    as_json: bool,
) -> None:
    """Find the units of RUN that follow a feature of its held-out text.

    All units are ranked by AUC (by rank correlation if the feature has degrees), and compared with two controls: the
    best unit for the same feature rolled along the text, and the best unit of the untrained network.
    """
    from rnnplay.protocol import FindUnits, Trace, UnitsFound, WatchTrace

    chosen = parse_unit(unit) if unit is not None else None
    inspect = inspect_command(run, text, encoding, at, runs)
    result = ask_trainer(inspect, FindUnits(pattern=pattern, characters=characters), UnitsFound)[-1]
    shown = result.units[:1] if chosen is None else _states_of_unit(result, *chosen)
    if svg is not None:
        watch = WatchTrace(length=_SVG_CHARACTERS, state=shown[0].state, every=0)
        _write_svg(ask_trainer(inspect, watch, Trace), shown[0].layer, shown[0].unit, result.sentence, Path(svg))
    if as_json:
        print_json(_find_fields(result))
        return
    print(result.sentence)
    print(f"\n{result.measure:>30}")
    words = ("low", "high") if result.measure == "AUC" else ("falls", "rises")
    for rank, u in enumerate(result.units, 1):
        if rank <= _SHOWN or (chosen is not None and u in shown):
            direction = words[u.sign > 0]
            place = "" if rank <= _SHOWN else f"   place {rank} of {len(result.units)}"
            print(f"  {u.layer + 1}.{u.unit + 1:<6} {u.state}   {direction:<5} {u.strength:.3f}{place}")
    if result.pair is not None:
        one, two = result.pair.units
        names = " and ".join(f"{u.layer + 1}.{u.unit + 1} {u.state}" for u in (one, two))
        print(f"  {names} together {result.pair.strength:.3f}")
    rolled = f"rolled {result.rolled_control:.3f}, " if not result.rolled_says_nothing else ""
    print(f"  {rolled}untrained {result.untrained:.3f}, over {result.characters:,} characters")
    if result.group is not None:
        units = " ".join(f"{result.group.layer + 1}.{unit + 1}" for unit in result.group.units)
        print(f"  {units} together {result.group.strength:.3f}, best alone {result.group.best_alone:.3f}")


@click.command()
@run_argument
@click.option(
    "--unit", required=True, metavar="L.U", help="Layer and unit as people count them: 1.37; 1.37,1.40 holds both."
)
@_pattern
@click.option("--to", type=click.Choice(["zero", "mean"]), default="zero", show_default=True, help="Hold it at this.")
@click.option("--others", default=100, show_default=True, help="Other units of the layer to compare with, at most.")
@_text
@encoding_option
@_characters
@at_option
@runs_option
@json_option
def ablate(
    run: str,
    unit: str,
    pattern: str,
    to: str,
    others: int,
    text: str | None,
    encoding: str | None,
    characters: int,
    at: CheckpointName,
    runs: str | None,
    as_json: bool,
) -> None:
    """Hold a unit of RUN still: what does that cost inside a feature, and what do other units cost?"""
    from rnnplay.protocol import AblateUnit, UnitAblated

    (layer, number), *more = [parse_unit(part) for part in unit.split(",")]
    if any(other_layer != layer for other_layer, _ in more):
        raise UserError("Units of several layers cannot be held together.", "Give units of one layer.")
    if others < 0:
        raise UserError(f"--others is {others}.", "Give 0 or more.")
    command = AblateUnit(
        layer=layer,
        unit=number,
        more_units=tuple(other for _, other in more),
        pattern=pattern,
        clamp_to=to,
        other_units=others,
        characters=characters,
    )
    result = ask_trainer(inspect_command(run, text, encoding, at, runs), command, UnitAblated)[-1]
    if as_json:
        print_json(
            {
                "kind": "ablated",
                "layer": result.layer + 1,
                "unit": result.unit + 1,
                "more_units": [other + 1 for other in result.more_units],
                "pattern": result.pattern,
                "to": result.clamp_to,
                "inside": result.inside,
                "outside": result.outside,
                "others_inside": result.others_inside,
                "fraction_beaten": result.fraction_beaten,
                "characters": result.characters,
                "sentence": result.sentence,
            }
        )
    else:
        print(result.sentence)


@click.command()
@click.option("--rebuild", metavar="NAME", help="Train this one again, by its command.")
@click.option("--into", metavar="DIR", default="gallery", show_default=True, help="Where --rebuild puts it.")
def gallery(rebuild: str | None, into: str) -> None:
    """List the trained networks that came with the program, and the commands that made them.

    Inspect one like any run: rnnplay cells gallery/quotes --pattern "inside quotes".
    """
    from rnnplay import gallery as shipped

    if rebuild is not None:
        print(shipped.rebuild(rebuild, Path(os.path.expanduser(into)).absolute()))
        return
    for network in shipped.GALLERY:
        patterns = ", ".join(network.patterns)
        print(f"gallery/{network.name}\n  {network.summary}\n  {patterns}\n  {network.command}")


def parse_unit(text: str) -> tuple[int, int]:
    """1.37 -> layer 0, unit 36. Raises UserError."""
    if not (match := re.fullmatch(r"(\d{1,6})\.(\d{1,6})", text.strip())) or "0" in match.groups():
        raise UserError(f"{text!r} names no unit.", "Give layer and unit, counted from 1: 1.37.")
    return int(match[1]) - 1, int(match[2]) - 1


def parse_clamp(text: str) -> tuple[int, int, float]:
    """1.37=0.9 -> layer 0, unit 36, 0.9. Raises UserError."""
    unit, _, value = text.partition("=")
    try:
        return *parse_unit(unit), float(value)
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{text!r} holds no unit.", "Give layer, unit and value: 1.37=0.9.") from None


def inspect_command(run: str, text: str | None, encoding: str | None, at: CheckpointName, root: str | None) -> Any:
    """The command that opens RUN to be looked at. Raises UserError."""
    from rnnplay.protocol import Inspect

    return Inspect(run=resolve_run_argument(run, root), at=at, text=text_path(text), encoding=encoding)


def _states_of_unit(result: Any, layer: int, unit: int) -> list[Any]:
    """The results for h and c of one unit, the better first. Raises UserError if there is no such unit."""
    if states := [u for u in result.units if (u.layer, u.unit) == (layer, unit)]:
        return states
    layers, hidden = (max(places) + 1 for places in zip(*((u.layer, u.unit) for u in result.units), strict=True))
    raise UserError(
        f"There is no unit {unit + 1} of layer {layer + 1}.",
        f"Give a layer from 1 to {layers} and a unit from 1 to {hidden}.",
    )


def _find_fields(result: Any) -> dict[str, Any]:
    def unit(u: Any) -> dict[str, Any]:
        # With its sign apart an AUC is the higher one: of the unit, or of its negative.
        value = {"auc": u.strength} if result.measure == "AUC" else {"correlation": u.value}
        return {"layer": u.layer + 1, "unit": u.unit + 1, "state": u.state, **value, "sign": u.sign}

    pair = None
    if result.pair is not None:
        pair = {
            "units": [unit(u) for u in result.pair.units],
            "weights": result.pair.weights,
            **({"auc": result.pair.strength} if result.measure == "AUC" else {"correlation": result.pair.value}),
        }
    group = None
    if (g := result.group) is not None:
        units = [u + 1 for u in g.units]
        group = {"layer": g.layer + 1, "units": units, "together": g.strength, "best_alone": g.best_alone}
    return {
        "kind": "cells",
        "pattern": result.pattern,
        "step": result.step,
        "measure": result.measure,
        "units": [unit(u) for u in result.units],
        "controls": {"rolled": result.rolled_control, "untrained": result.untrained},
        "rolled_says_nothing": result.rolled_says_nothing,
        "group": group,
        "convincing": result.convincing,
        "pair": pair,
        "fraction": result.fraction,
        "characters": result.characters,
        "sentence": result.sentence,
    }


def _write_svg(events: list[Any], layer: int, unit: int, sentence: str, path: Path) -> None:
    from rnnplay.cli.activation_svg import activation_svg
    from rnnplay.protocol import Started

    trace = events[-1]
    started = next(event for event in events if isinstance(event, Started))
    activation = (trace.values.array()[layer, unit].astype(float) - 127) / 127
    c = started.config
    title = f"{c.task} · {c.cell.upper()} {c.layers}x{c.hidden} · step {trace.step:,}"
    try:
        path.write_text(activation_svg(trace.symbols, activation.tolist(), title, sentence), encoding="utf-8")
    except OSError as error:
        raise UserError(f'"{path}" cannot be written ({error.strerror}).', "Name another file.") from None
    print(f"{path}", file=sys.stderr)

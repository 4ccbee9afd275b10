"""`rnnplay census`: what each unit follows, of all features that the task knows."""

from typing import Any

import click

from rnnplay.cli.cells import inspect_command
from rnnplay.cli.common import (
    ask_trainer,
    at_option,
    encoding_option,
    json_option,
    print_json,
    run_argument,
    runs_option,
)
from rnnplay.config import CheckpointName


@click.command()
@run_argument
@click.option("--text", metavar="FILE", help="Use this text instead of the run's held-out part.")
@encoding_option
@at_option
@runs_option
@json_option
def census(
    run: str, text: str | None, encoding: str | None, at: CheckpointName, runs: str | None, as_json: bool
) -> None:
    """List the features of RUN's held-out data, each with the unit that follows it best, the most surprising first.

    A feature is surprising by as much as its unit is better than both controls, the feature rolled along the text and
    the untrained network. Beside the unit stands what its whole layer knows, by a linear probe.
    """
    from rnnplay.protocol import Census, WatchCensus

    command = WatchCensus(once=True, growth=True)
    result = ask_trainer(inspect_command(run, text, encoding, at, runs), command, Census)[-1]
    if as_json:
        print_json(_fields(result))
        return
    if not result.features:
        print("The task names no feature that varies in what is held out.")
        return
    print(f"{'unit':<8} {'feature':<24} {'score':>6} {'control':>8} {'layer':>6}  growth")
    for feature in result.features:
        unit = feature.unit
        name = f"{unit.layer + 1}.{unit.unit + 1}{' c' if unit.state == 'c' else ''}"
        together = f"{feature.together:.2f}" if feature.together is not None else "–"
        score = unit.strength if feature.measure == "AUC" else unit.value
        control = max(feature.rolled_control or 0.0, feature.untrained)
        growth = " ".join(f"{strength:.2f}" for _, strength in feature.growth)
        print(f"{name:<8} {feature.feature:<24} {score:>6.2f} {control:>8.2f} {together:>6}  {growth}")
    print()
    for feature in result.features:
        print(feature.sentence)
    print(f"\nStep {result.step:,}, {result.characters:,} time steps. AUC; for a number, rank correlation.")


def _fields(result: Any) -> dict[str, Any]:
    return {
        "kind": "census",
        "step": result.step,
        "characters": result.characters,
        "features": [
            {
                "feature": f.feature,
                "measure": f.measure,
                "layer": f.unit.layer + 1,
                "unit": f.unit.unit + 1,
                "state": f.unit.state,
                "score": f.unit.strength if f.measure == "AUC" else f.unit.value,
                "sign": f.unit.sign,
                "controls": {"rolled": f.rolled_control, "untrained": f.untrained},
                "surprise": f.surprise,
                "convincing": f.convincing,
                "knowledge": f.knowledge,
                "layer_together": f.together,
                "layer_untrained": f.together_untrained,
                "carriers": [unit + 1 for unit in f.carriers],
                "growth": f.growth,
                "sentence": f.sentence,
            }
            for f in result.features
        ],
    }

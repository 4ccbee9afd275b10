"""A trainer that answers every command at once with the same made-up numbers: what golden files are painted from."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from made_up_play import TEXT, Recorder, facts, row, status

from rnnplay import protocol as say
from rnnplay import tasks
from rnnplay.catalogue import make_config
from rnnplay.catalogue.texts import with_length
from rnnplay.config import RunConfig
from rnnplay.engine import Network
from rnnplay.formatting import parameter_title
from rnnplay.lab import network as lab
from rnnplay.protocol import GradientByLag
from rnnplay.trainer.handlers.network import matrix_values
from rnnplay.trainer.handlers.unroll import unrolled
from rnnplay.trainer.learner import architecture
from rnnplay.verdicts import Dependency, HealthProblem, RadiusReason, gradient_verdict

STEP = 120
WRITTEN = "The lamp was not so early as he had never seen it, and she said nothing at all of the door."
FEATURES = ("inside quotes", "inside parentheses", "column")


class ScriptedTrainer(Recorder):
    """Stands where a client stands. `opening` is the command that it was started with."""

    def __init__(self, opening: say.Command) -> None:
        super().__init__(opening)
        self.errors: list[Exception] = []
        config = getattr(opening, "config", None)
        config = config if config is not None else make_config("prose", hidden=6, layers=2)
        self.config: RunConfig = with_length(config, 10_000)[0]  # as a trainer chooses once it has read the text
        self.items = self.config.task not in ("prose", "text")
        self.tell(self.started(), status(step=STEP), say.RowsCompleted(rows=tuple(row(n) for n in range(1, STEP + 1))))

    async def send(self, command: say.Command) -> None:
        await super().send(command)
        try:
            self.tell(*self.answers(command))
        except Exception as error:
            self.errors.append(error)  # the screen would not notice

    def started(self) -> say.Started:
        if not self.items:
            known = facts(features=FEATURES)
        else:
            known = facts(characters=0, held_out=0, has_examples=True, question_help="a word", step_unit="time steps")
        return say.Started(run="/nowhere/run-1", config=self.config, facts=known, step=0)

    def answers(self, command: Any) -> list[say.Event]:
        """Return the events that answer `command`."""
        match command:
            case say.WatchTrace():
                return [trace(self.config.layers, self.config.hidden, command.state, command.candidates)]
            case say.Sample():
                return [written(command)]
            case say.FindUnits():
                return [found(command.pattern)]
            case say.AblateUnit():
                return [ablated(command)]
            case say.CountClamped():
                sentence = f"{command.pattern}: 44 % of characters free, 91 % held high, 5 % held low, of 4,000"
                unit = {"layer": command.layer, "unit": command.unit, "pattern": command.pattern}
                counts = {"level": command.level, "sign": 1, "free": 0.44, "high": 0.91, "low": 0.05, "symbols": 4_000}
                return [say.ClampedCounted(**unit, **counts, sentence=sentence)]
            case say.ComputeGates():
                return [gates(self.config)]
            case say.ComputeHistory():
                return [history(command)]
            case say.ShowExample():
                return [example(command.index)]
            case say.AskTask():
                said = tuple(say.Candidate(symbol, max(0.05, 0.9 - 0.1 * n)) for n, symbol in enumerate(command.prompt))
                return [say.TaskAnswered(step=STEP, prompt=command.prompt, answer=said)]
            case say.Unroll():
                return [unrolled_example(command)]
            case say.ComputeGradientByLag():
                return [gradients()]
            case say.ComputeOneUnit():
                weights = (0.5, 0.9, 0.97, 1.0, 1.03, 1.1, 1.5)
                norms = np.abs(np.array(weights)[:, None]) ** np.arange(command.lags + 1)
                return [say.OneUnitComputed(weights=weights, norms=say.PackedArray.from_array(norms))]
            case say.ComputeInfluence():
                return [influence()]
            case say.ComputeSwaps():
                return [swaps()]
            case say.WatchHealth():
                advice = say.Advice(
                    name=HealthProblem.LR_TOO_HIGH,
                    cause="The loss jumps up and down.",
                    remedy="Try 2e-3.",
                    severity=0.5,
                )
                return [say.Health(step=STEP, advice=(advice,))]
            case say.DescribeNetwork():
                return [described()]
            case say.ShowMatrix():
                return [matrix(command)]
            case say.Pause():
                return [status("paused", STEP)]
            case say.Continue():
                return [status("training", STEP)]
        return []


def trace(layers: int, units: int, state: str = "h", candidates: bool = False) -> say.Trace:
    """Return waves: each unit has its own length and beginning."""
    t = np.arange(len(TEXT))
    rows = [np.sin(t / (2 + 1.5 * u) + u + 2 * layer) for layer in range(layers) for u in range(units)]
    values = np.rint(127 + 126 * np.array(rows)).astype(np.uint8).reshape(layers, units, len(TEXT))
    ids = np.array([(t + k) % 31 for k in range(5)], np.uint16).clip(max=len(set(TEXT)) - 1)
    chances = np.array([np.full(len(TEXT), p) for p in (0.5, 0.2, 0.1, 0.05, 0.02)], np.float16)
    return say.Trace(
        step=STEP,
        start=0,
        total=5_000,
        symbols=tuple(TEXT),
        state=state,
        values=say.PackedArray.from_array(values),
        scale=0.9,
        surprise=say.PackedArray.from_array((t % 70).astype(np.uint8)),
        candidates=say.PackedArray.from_array(ids) if candidates else None,
        probabilities=say.PackedArray.from_array(chances) if candidates else None,
    )


def written(command: say.Sample) -> say.Sampled:
    length = 0 if command.length == 0 else len(WRITTEN)
    text = command.prompt + WRITTEN[:length]
    candidates = (("e", 0.41), (" ", 0.22), ("\n", 0.09), ("d", 0.04), ("é", 0.02))
    return say.Sampled(
        text=tuple(text),
        probabilities=tuple(0.1 + 0.8 * (n % 7) / 7 for n in range(len(text))),
        candidates=tuple(say.Candidate(symbol, p) for symbol, p in candidates),
        drawn=tuple(round(p**1.25 / 0.66, 3) for _, p in candidates),
        drawable=40,
        is_first=True,
        copied=(9, 24) if command.copied and length else None,
        channel=command.channel,
    )


def found(pattern: str) -> say.UnitsFound:
    def unit(layer: int, number: int, strength: float, sign: int = 1) -> say.ScoredUnit:
        value = strength if sign > 0 else 1 - strength
        return say.ScoredUnit(layer=layer, unit=number, state="h", value=value, strength=strength, sign=sign)

    units = (unit(1, 4, 0.97), unit(0, 2, 0.81, -1), unit(1, 0, 0.77))
    return say.UnitsFound(
        pattern=pattern,
        step=STEP,
        measure="AUC",
        units=units,
        rolled_control=0.56,
        untrained=0.66,
        convincing=True,
        pair=say.ScoredPair(units=units[:2], weights=(1.0, -0.4), value=0.98, strength=0.98),
        fraction=0.4,
        characters=10_000,
        sentence=f"Unit 5 of layer 2 is high {pattern}: AUC 0.97 (rolled 0.56, untrained 0.66).",
    )


def ablated(command: say.AblateUnit) -> say.UnitAblated:
    return say.UnitAblated(
        step=STEP,
        layer=command.layer,
        unit=command.unit,
        pattern=command.pattern,
        clamp_to=command.clamp_to,
        inside=0.42,
        outside=0.03,
        others_inside=tuple(0.02 * n - 0.01 for n in range(11)),
        fraction_beaten=0.93,
        characters=4_000,
        sentence="Held at zero, the unit costs 0.42 nats inside quotes and 0.03 outside.",
    )


def gates(config: RunConfig) -> say.GatesComputed:
    names = {"lstm": ("i", "f", "o"), "gru": ("r", "z")}.get(config.cell, ())
    share = np.linspace(0, 0.8, config.hidden, dtype=np.float32)
    shares = tuple(
        say.GateSaturation(
            layer=layer,
            gate=gate,
            left_saturated=say.PackedArray.from_array(share),
            right_saturated=say.PackedArray.from_array(share[::-1] / 2),
        )
        for layer in range(config.layers)
        for gate in names
    )
    return say.GatesComputed(step=STEP, gates=shares)


def history(command: say.ComputeHistory) -> say.HistoryComputed:
    return say.HistoryComputed(
        layer=command.layer,
        unit=command.unit,
        state=command.state,
        pattern=command.pattern,
        steps=(0, 1, 2, 4, 8, 16, 32, 64, STEP),
        values=(0.51, 0.5, 0.52, 0.55, 0.6, 0.72, 0.88, 0.95, 0.97),
    )


def example(index: int) -> say.ExampleShown:
    return say.ExampleShown(
        step=STEP,
        index=index,
        title=f"tagging {index + 1}",
        inputs=("this", "hard", "guard", "rings"),
        targets=("DET", "ADJ", "NOUN", "VERB"),
        predictions=("DET", "ADJ", "VERB", "VERB"),
        prediction_probabilities=(0.98, 0.9, 0.6, 0.93),
        target_probabilities=(0.98, 0.9, 0.31, 0.93),
    )


def unrolled_example(command: say.Unroll) -> say.Unrolled:
    """Return the answer of a real network, two small layers with weights that never change."""
    config = make_config(
        "hello",
        cell="lstm",
        layers=2,
        hidden=3,
        dtype="float64",
        seq_len=4,
        length_warmup_steps=0,
        bias=True,
        chrono_max_lag=0,
    )
    task = tasks.make(config)
    network = Network(architecture(config, task), 3)
    rng = np.random.default_rng(5)
    for value in network.parameters.values():
        value[...] = rng.normal(size=value.shape) * 0.7
    return unrolled(command, network.architecture, dict(network.parameters), task, STEP)


def gradients() -> say.GradientByLagComputed:
    def reach(name: str, radius: float, factor: float, trained: bool) -> GradientByLag:
        norms = tuple(float(factor**k) for k in range(101))
        return GradientByLag(
            name=name,
            trained=trained,
            norms=norms,
            radius=radius,
            matrix="W_hh" if name.startswith("RNN") else "the state's Jacobian",
            horizon=next((k for k, norm in enumerate(norms) if norm < 0.01), None),
            verdict=gradient_verdict(norms[40]),
            lag=40,
            left=norms[40],
            factor=factor,
            reason=RadiusReason.AGREES,
        )

    networks = (
        reach("LSTM", 0.97, 0.96, True),
        reach("RNN tanh", 1.01, 0.7, False),
        reach("GRU", 1.02, 1.06, False),
    )
    return say.GradientByLagComputed(
        step=STEP,
        networks=networks,
        longest_lag=40,
        length=160,
        solved=False,
        learned=Dependency.REACHED,
        sentence="LSTM: the gradient reaches lag 40, the task's longest dependency: 20 % of it is left. "
        "ρ of the state's Jacobian 0.97, and 0.96 a step (measured).",
    )


def shown_network() -> Network:
    return Network(
        architecture(make_config("hello", cell="lstm", hidden=6, layers=2), tasks.make(make_config("hello")))
    )


def described() -> say.NetworkDescribed:
    network = shown_network()
    return say.NetworkDescribed(
        step=STEP,
        parameters=network.flat.size,
        matrices=tuple(
            say.MatrixInfo(name=name, title=parameter_title(name), shape=value.shape, norm=lab.norm(value))
            for name, value in network.parameters.items()
        ),
        gates=(
            say.GateOpenness(layer=0, gate="f", mostly_open=0.89, mostly_shut=0.0, meaning="they remember"),
            say.GateOpenness(layer=1, gate="i", mostly_open=0.0, mostly_shut=0.4, meaning="they take in little"),
        ),
        characters=4_000,
        earlier=(32, 64),
        best_step=64,
    )


def matrix(command: say.ShowMatrix) -> say.MatrixShown:
    network = shown_network()
    gates = lab.gates_of(network.architecture, command.name) if command.name.endswith("W_hh") else ()
    gate = command.gate or (gates[0] if gates else "")
    block = gates.index(gate) if gates else None
    value = network.parameters[command.name]
    rows, columns = lab.axis_names(network.architecture, command.name, "ehlo", "ehlo")
    return say.MatrixShown(
        name=command.name,
        title=parameter_title(command.name),
        now=matrix_values(STEP, value, block),
        earlier=None if command.step is None else matrix_values(command.step, value * 0.5, block),
        rows=tuple(rows),
        columns=tuple(columns),
        gate=gate,
        gates=gates,
    )


def influence() -> say.InfluenceComputed:
    text = TEXT[:60]
    norms = tuple((n % 13) / 12 for n in range(len(text)))
    return say.InfluenceComputed(
        step=STEP,
        first=100,
        position=159,
        total=5_000,
        symbols=tuple(text),
        norms=norms,
        largest=0.3,
        predicted="e",
        probability=0.41,
        other="",
        other_probability=0.0,
        sentence="The prediction would have changed most with the quotation mark 12 characters before.",
    )


def swaps() -> say.SwapsComputed:
    text = TEXT[:60]
    effects = tuple((n % 13) / 4 for n in range(len(text)))
    strongest = tuple(
        say.Swap(
            place=place, effect=effects[place], others=8, other="x", probability=0.02, predicted="q",
            predicted_probability=0.6,
        )
        for place in (12, 25, 38, 51, 11)
    )  # fmt: skip
    return say.SwapsComputed(
        step=STEP,
        first=100,
        position=159,
        total=5_000,
        symbols=tuple(text),
        effects=effects,
        strongest=strongest,
        present=msgspec.structs.replace(strongest[0], place=59, effect=effects[59]),
        predicted="e",
        probability=0.41,
        sentence="'e' hangs most on what stood 47 back.",
    )

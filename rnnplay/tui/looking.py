"""From the trainer's answers to what the screens Unroll and Time show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rnnplay import protocol as say
from rnnplay.protocol import looking as told
from rnnplay.protocol.base import Packed
from rnnplay.tui.looking_views import (
    AdviceView,
    Array,
    GateView,
    HealthView,
    LagsView,
    LayerView,
    OneUnitView,
    OutputsView,
    ParameterView,
    PartView,
    PastView,
    ReachView,
    SummandView,
    UnrollView,
)


def _open(packed: Packed | None) -> Array | None:
    return None if packed is None else packed.array()


def _summand(summand: told.Summand) -> SummandView:
    return SummandView(
        summand.name,
        summand.value.array(),
        summand.parameter,
        summand.rows,
        _open(summand.added),
        _open(summand.entry),
        _open(summand.column),
    )


def _gate(gate: told.Gate) -> GateView:
    summands = tuple(_summand(summand) for summand in gate.summands)
    return GateView(gate.name, gate.function, summands, gate.value.array(), gate.gradient.array())


def _layer(layer: told.Layer) -> LayerView:
    return LayerView(
        index=layer.index,
        cell=layer.cell,
        units=layer.units,
        total=layer.total,
        gates=tuple(_gate(gate) for gate in layer.gates),
        h=layer.h.array(),
        c=_open(layer.c),
        dh_above=layer.dh_above.array(),
        dh_future=layer.dh_future.array(),
        computed=layer.computed.array(),
        dc_future=_open(layer.dc_future),
        dc=_open(layer.dc),
    )


def _outputs(outputs: told.Outputs) -> OutputsView:
    return OutputsView(
        outputs.ids,
        outputs.names,
        outputs.total,
        outputs.product.array(),
        outputs.bias.array(),
        outputs.values.array(),
        outputs.gradient.array(),
        outputs.function,
    )


def _part(part: told.Part) -> PartView:
    return PartView(
        name=part.name,
        first=part.first,
        total=part.total,
        inputs=part.inputs,
        symbols=part.symbols,
        targets=part.targets,
        layers=tuple(_layer(layer) for layer in part.layers),
        outputs=None if part.outputs is None else _outputs(part.outputs),
        losses=part.losses,
        right=part.right,
        before=part.before,
        truths=tuple((truth.name, truth.values) for truth in part.truths),
    )


def unrolled(event: say.Unrolled, before: UnrollView, title: str) -> UnrollView:
    """`event` as it is shown, with the cursor where it was in `before` as far as that exists."""
    view = replace(
        before,
        title=f"{title} · {event.title}",
        parts=tuple(_part(part) for part in event.parts),
        parameters=tuple(ParameterView(p.name, p.shape, p.norm, p.added.array()) for p in event.parameters),
        loss=event.loss,
        unit_of_loss=event.unit_of_loss,
        changed=event.changed,
        note=event.note,
        words=event.words,
        empty="",
    )
    return replace(view, time=min(view.time, max(0, view.columns - 1)), row=min(view.row, view.rows - 1))


def lags(event: say.GradientsShown) -> LagsView:
    networks = tuple(
        ReachView(
            reach.name,
            reach.trained,
            np.array([np.nan if norm is None else norm for norm in reach.norms]),
            reach.radius,
            reach.horizon,
            reach.verdict,
        )
        for reach in event.networks
    )
    return LagsView(networks, event.longest_lag, event.step, event.sentence, event.note)


def one_unit(event: say.OneUnitShown, place: int) -> OneUnitView:
    return OneUnitView(event.weights[place], event.norms.array()[place])


def past(event: say.InfluenceShown) -> PastView:
    return PastView(
        event.symbols,
        event.norms,
        event.first,
        event.position,
        event.total,
        event.predicted,
        event.probability,
        event.sentence,
    )


def health(event: say.Health) -> HealthView:
    return HealthView(tuple(AdviceView(a.name, a.cause, a.remedy) for a in event.advice))

"""Meaning of a loss in words: what knows nothing scores, how unsure the network is, which baselines it has passed."""

from __future__ import annotations

import math

from rnnplay.tui.paint.numbers import count, duration, figure
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.loss_course import Passed, mean_before, passed


def baselines_passed(session: RunSession) -> list[tuple[str, float, Passed | None]]:
    """Return (name, loss, when it was passed) of each baseline of the task."""
    baselines = session.facts.baselines if session.facts is not None else ()
    evaluations = session.comparable_evaluations
    return [(name, loss, passed(loss, session.metrics, evaluations)) for name, loss in baselines]


def loss_of(session: RunSession) -> float | None:
    """Return the loss that is put into words: on held-out data, else of training; None: there is none yet."""
    if session.comparable_evaluations:
        return session.comparable_evaluations[-1][1]
    if not session.metrics.count:
        return None
    loss = mean_before(session.metrics, int(session.metrics["step"][-1]))
    return loss if math.isfinite(loss) else None


def unsureness(session: RunSession) -> str:
    """Return "2.04 nats = 2.94 bits: as unsure as choosing among 7.7 equal symbols."; empty if that means nothing."""
    loss, facts = loss_of(session), session.facts
    if loss is None or facts is None or facts.chance_loss is None or not 0 <= loss < 20:
        return ""
    bits, choices = figure(loss / math.log(2)), math.exp(loss)
    return f"{figure(loss)} nats = {bits} bits: as unsure as choosing among {_choices(choices)} equal symbols."


def _choices(number: float) -> str:
    return f"{number:.1f}" if number < 100 else count(number)


def _named(baseline: str) -> str:
    """Return a baseline's name within a sentence, without what stands in parentheses in it."""
    name = baseline.partition(" (")[0]
    return f"“{name}”" if " " in name else f"the {name}"


def loss_sentences(session: RunSession) -> tuple[str, ...]:
    """Return what is said below the curve on a full screen."""
    facts = session.facts
    sentences = [unsureness(session)]
    if facts is not None and facts.chance_loss is not None:
        sentences[0] += f" What knows nothing scores ln {count(facts.outputs)} = {figure(facts.chance_loss)} nats."
    passages = [
        f"{_named(name)} at step {count(passage.step)} ({duration(passage.seconds)})"
        for name, _, passage in baselines_passed(session)
        if passage is not None
    ]
    if passages:
        sentences.append(f"Passed {', '.join(passages)}.")
    return tuple(sentence.strip() for sentence in sentences if sentence)

"""`rnnplay tasks --check` holds the rules over what the trainer says of a trained preset."""

from __future__ import annotations

from rnnplay.catalogue import make_config
from rnnplay.cli.preset_check import said_of
from rnnplay.protocol import Advice, GradientByLag, GradientByLagComputed, Health
from rnnplay.verdicts import Dependency, GradientVerdict, HealthProblem, RadiusReason, contradictions


def answer(solved: bool, learned: Dependency) -> GradientByLagComputed:
    network = GradientByLag(
        name="RNN tanh", trained=True, norms=(1.0, 0.5, 0.001), radius=1.1, matrix="W_hh", horizon=2,
        verdict=GradientVerdict.VANISHES, lag=2, left=0.001, factor=0.001**0.5, reason=RadiusReason.ACTIVATION,
    )  # fmt: skip
    return GradientByLagComputed(
        step=9, networks=(network,), longest_lag=2, length=8, solved=solved, learned=learned, sentence=""
    )


def test_a_trained_preset_that_contradicts_itself_is_found() -> None:
    config = make_config("addition")
    sound = said_of(answer(True, Dependency.SOLVED), Health(step=9), config)
    assert contradictions(sound) == []
    odd = said_of(answer(True, Dependency.HARDLY_LEARNED), Health(step=9), config)
    assert contradictions(odd) == ["solved, and hardly learned"]
    advice = Advice(name=HealthProblem.EXPLODING, cause="", remedy="", severity=1.0)
    ailing = said_of(answer(False, Dependency.HARDLY_LEARNED), Health(step=9, advice=(advice,)), config)
    assert contradictions(ailing) == ["the gradient explodes in one place and vanishes in the other"]

"""Answers from the census: the feature that a unit follows. `features`: those explained, most surprising first."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from rnnplay.protocol import FeatureExplained, ScoredUnit

Features = Sequence[FeatureExplained]


def best_units(features: Features) -> list[ScoredUnit]:
    """Return the units that follow a feature best of all units and clearly, the most surprising first."""
    return [feature.unit for feature in features if feature.convincing]


def explained_best(features: Features, layer: int, unit: int) -> FeatureExplained | None:
    """Return the most surprising feature that this unit follows best of all units; None: there is none."""
    return next((f for f in features if f.convincing and (f.unit.layer, f.unit.unit) == (layer, unit)), None)


def followed_by(features: Features, state: str, layer: int, unit: int) -> FeatureExplained | None:
    """Return the feature that this state of a unit follows most surprisingly, with this unit in the place of the best.

    None: it follows none clearly.
    """
    followed = []
    for feature in features if state in ("h", "c") else ():
        values = feature.followers.array() if feature.followers is not None else None
        place = ("hc".index(state), layer, unit)
        if values is None or any(n >= size for n, size in zip(place, values.shape, strict=True)):
            continue
        value = values[place].item()
        if math.isfinite(value):
            chance, most = (0.5, max(value, 1 - value)) if feature.measure == "AUC" else (0.0, abs(value))
            sign = 1 if value >= chance else -1
            scored = ScoredUnit(layer=layer, unit=unit, state=state, value=value, strength=most, sign=sign)
            surprise = feature.surprise - (feature.unit.strength - most)
            followed.append(msgspec.structs.replace(feature, unit=scored, surprise=surprise))
    return max(followed, key=lambda feature: feature.surprise, default=None)

"""The activations of all units over a text, and questions about units, each a command with an event for its answer.

Layers and units count from 0 here, from 1 on a screen.
"""

import msgspec

from rnnplay.protocol.base import Command, Event, PackedArray


class WatchTrace(Command, frozen=True, kw_only=True):
    """Send a Trace of this part of the held-out text now, and again every `every` seconds while steps are done."""

    start: int = 0  # character
    length: int = 2_000
    state: str = "h"  # h, c or a gate's letter
    every: float = 1.0  # seconds; 0: once
    step: int | None = None  # of that checkpoint; None: as the network stands
    candidates: bool = False  # tell what the network expects after each character too
    example: int | None = None  # where there is no text: held-out items from this one on, a line each


class Trace(Event, frozen=True, kw_only=True):
    """Activations of all units over a piece of text, as the network stands after `step` steps."""

    step: int
    start: int  # of the piece in the held-out text
    total: int  # characters of the held-out text; 0: items, which go on for ever
    symbols: tuple[str, ...]  # N
    state: str
    values: PackedArray  # uint8 (L, H, N): 0 is -scale, 127 is zero, 254 is +scale
    scale: float
    surprise: PackedArray  # uint8 (N,): tenths of a bit, of each symbol given those before it
    candidates: PackedArray | None = None  # uint16 (5, N): ids of the likeliest next symbols, best first
    probabilities: PackedArray | None = None  # float16 (5, N): their probabilities


class FindUnits(Command, frozen=True, kw_only=True):
    """Rank the units by how well they follow a feature on held-out text."""

    pattern: str  # the name of a feature that the task knows, or a regular expression whose matches are the feature
    characters: int = 10_000


class ScoredUnit(msgspec.Struct, frozen=True, kw_only=True):
    layer: int
    unit: int
    state: str  # h or c
    value: float  # AUC, or rank correlation for a feature with degrees
    strength: float  # the same, mirrored: how far from chance
    sign: int  # 1: high where the feature is true; -1: low


class ScoredGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Few units of one layer that together, by their h, follow the feature about as well as the whole layer does."""

    layer: int
    units: tuple[int, ...]  # the one that explains most first
    strength: float
    best_alone: float


class ScoredPair(msgspec.Struct, frozen=True, kw_only=True):
    """Two units whose weighted sum follows the feature best."""

    units: tuple[ScoredUnit, ScoredUnit]
    weights: tuple[float, float]  # the larger magnitude is 1
    value: float
    strength: float


class UnitsFound(Event, frozen=True, kw_only=True):
    """The answer to FindUnits: units, the best first, and controls that show what chance gives."""

    pattern: str
    step: int
    measure: str  # "AUC" | "rank correlation"
    units: tuple[ScoredUnit, ...]
    rolled_control: float  # strength of the best unit for the same feature rolled along the text
    untrained: float  # strength of the best unit of the untrained network
    convincing: bool  # whether the best stands clear of both
    rolled_says_nothing: str = ""  # why the rolled control cannot judge this feature; empty: it can
    group: ScoredGroup | None = None  # if the feature is spread over several units
    pair: ScoredPair | None = None
    fraction: float  # of the characters where the feature is true
    characters: int
    sentence: str  # the finding in words


class AblateUnit(Command, frozen=True, kw_only=True):
    """Hold a unit, or several of its layer, at zero or at its mean; measure the loss inside and outside a feature.

    The same is measured for other units, or for other groups of as many.
    """

    layer: int
    unit: int
    more_units: tuple[int, ...] = ()  # held together with it
    pattern: str
    clamp_to: str = "zero"  # zero | mean
    other_units: int = 100
    characters: int = 10_000


class UnitAblated(Event, frozen=True, kw_only=True):
    """The answer to AblateUnit: changes of the loss, in nats a time step, of the network as it was after `step`."""

    step: int
    layer: int
    unit: int
    more_units: tuple[int, ...] = ()
    pattern: str
    clamp_to: str  # zero | mean
    inside: float
    outside: float
    others_inside: tuple[float, ...]  # of the other units of the layer, one by one
    fraction_beaten: float  # of the others that cost less inside the feature
    characters: int
    sentence: str


class CountClamped(Command, frozen=True, kw_only=True):
    """Write texts freely, with a unit's h held high in a feature, and held low; count what the feature does in them."""

    layer: int
    unit: int
    level: float  # the magnitude at which it is held
    pattern: str
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    symbols: int = 4_000  # in each of the three


class ClampedCounted(Event, frozen=True, kw_only=True):
    """The answer to CountClamped: shares of symbols at which the feature is true, or means of it."""

    layer: int
    unit: int
    pattern: str
    level: float
    sign: int  # 1: held high in the feature means held at +level
    free: float
    high: float
    low: float
    symbols: int
    sentence: str


class ComputeGates(Command, frozen=True, kw_only=True):
    """Measure how saturated the gates are, over as many characters as DescribeNetwork does."""

    characters: int = 4_000


class GateSaturation(msgspec.Struct, frozen=True, kw_only=True):
    """One gate of one layer, unit by unit."""

    layer: int
    gate: str  # i, f, o of an LSTM; r, z of a GRU
    left_saturated: PackedArray  # float32 (H,): the share of time steps at which each unit's gate is below 0.1
    right_saturated: PackedArray  # float32 (H,): above 0.9


class GatesComputed(Event, frozen=True, kw_only=True):
    """The answer to ComputeGates."""

    step: int
    gates: tuple[GateSaturation, ...]  # empty for a plain RNN


class ComputeHistory(Command, frozen=True, kw_only=True):
    """Follow one unit through the run's checkpoints."""

    layer: int
    unit: int
    state: str
    pattern: str
    characters: int = 10_000


class HistoryComputed(Event, frozen=True, kw_only=True):
    layer: int
    unit: int
    state: str
    pattern: str
    steps: tuple[int, ...]
    values: tuple[float, ...]  # AUC or rank correlation at each of them
    best_step: int | None = None  # of the best evaluation; None: there is none


class CancelQuestions(Command, frozen=True, kw_only=True):
    """Cancel what takes long: no answer will come to AblateUnit and ComputeHistory."""


class QuestionProgressed(Event, frozen=True, kw_only=True):
    """Progress of an answer that takes long."""

    question: str  # AblateUnit | ComputeHistory | Evaluate, also where an evaluation of the training takes long
    fraction: float


class WatchCensus(Command, frozen=True, kw_only=True):
    """Find what each unit follows, of all features that the task knows, now and again as training goes on."""

    once: bool = False
    growth: bool = False  # read earlier checkpoints too, for how each feature grew


class FeatureExplained(msgspec.Struct, frozen=True, kw_only=True):
    """A feature, the unit that follows it best, and what the layer that knows most of it knows together."""

    feature: str
    measure: str  # "AUC" | "rank correlation"
    unit: ScoredUnit
    rolled_control: float | None  # None: it says nothing about this feature
    untrained: float
    surprise: float  # the unit's strength above the better control
    convincing: bool  # whether the unit stands clear of both controls
    knowledge: str  # "one unit" | "spread" | "untrained" | "unknown"
    layer: int  # whose units are taken together
    layer_state: str  # h or c of them
    together: float | None  # a weighted sum of all of them, on the half of the text that it was not fitted on
    together_untrained: float
    carriers: tuple[int, ...]  # its units that carry most of the sum, the first the most
    weights: PackedArray | None  # float32 (H,): of the sum, which has a spread of 1
    offset: float  # added to the sum, which then has the mean 0
    growth: tuple[tuple[int, float], ...]  # (step, strength of the best unit)
    sentence: str
    followers: PackedArray | None = None  # float32 (S, L, H): of each unit's h (and c); NaN: not clear of the controls


class Census(Event, frozen=True, kw_only=True):
    """The answer to WatchCensus, a whole state: features, the most surprising first."""

    step: int
    characters: int
    features: tuple[FeatureExplained, ...]


CellsCommand = (
    CountClamped | WatchCensus | WatchTrace | FindUnits | AblateUnit | ComputeGates | ComputeHistory | CancelQuestions
)
CellsEvent = (
    ClampedCounted | Census | Trace | UnitsFound | UnitAblated | GatesComputed | HistoryComputed | QuestionProgressed
)

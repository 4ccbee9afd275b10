"""Frequency of a feature in texts that a network writes: freely, with a unit held high in the feature, and held low.

A unit is high in a feature if it is held on the side on which it is where the feature is true, whatever its sign. What
is held is the unit's h: through it alone a unit acts on others. An LSTM's h has the sign of its c, and of the two the
one that follows the feature better says which side that is.

A held unit acts on what is written next. A network whose quote cell is held at "inside" closes a quote again and again
and opens none; by the mark that was read last nearly all of such a text would lie outside quotes. So where a feature
begins and ends with marks, a symbol lies inside if the next mark ends it. In a well-formed text that is the same.
"""

from dataclasses import dataclass

import numpy as np

from rnnplay.engine import Network, State
from rnnplay.lab.cells.feature_truth import describe_feature, feature_values
from rnnplay.lab.cells.labelled_batch import LabelledBatch
from rnnplay.lab.cells.unit_scores import ranks, scores
from rnnplay.lab.cells.unit_states import InSlices, read_states
from rnnplay.lab.clamp import clamp_network
from rnnplay.lab.sample import SamplingOptions, draw_distribution
from rnnplay.tasks.base import Array, Task

_TEXTS = 8  # written side by side
_LEAD = 200  # symbols of held-out text that each is begun with, and that are not counted
_FEW_MARKS = 10  # that begin or end a feature: shares of fewer are chance
_STEPS = 20  # time steps in a slice


@dataclass(frozen=True)
class ClampCount:
    """The share of symbols at which a feature is true (its mean, if it has degrees), in three ways of writing."""

    layer: int
    unit: int
    pattern: str
    boolean: bool
    level: float  # the magnitude at which h was held
    sign: int  # 1: held high in the feature means held at +level
    free: float
    high: float
    low: float
    symbols: int  # that were counted in each, at least
    unheld: tuple[float, float] | None = None  # h while the network reads: in nine of ten time steps between these
    marks: tuple[tuple[int, int], ...] = ()  # how often the feature began and ended: free, high, low

    def sentence(self, symbol_name: str = "characters") -> str:
        """The counts in words."""
        if self.boolean:
            free, high, low = (f"{100 * share:.0f} %" for share in (self.free, self.high, self.low))
            free = f"{free} of {symbol_name}"
        else:
            free, high, low = (f"{mean:.1f}" for mean in (self.free, self.high, self.low))
        levels = f"{self.sign * self.level:+g} and {-self.sign * self.level:+g}"
        held = f"h of unit {self.layer + 1}.{self.unit + 1} at {levels}"
        if self.unheld is not None:
            held += f"; by itself {self.unheld[0]:+.2g} to {self.unheld[1]:+.2g}"
        feature = describe_feature(self.pattern) if self.boolean else f"mean {self.pattern}"
        words = f"{feature}: {free} free, {high} held high, {low} held low, of {self.symbols:,} ({held})"
        if self.marks:
            ways = zip(self.marks, ("free", "high", "low"), strict=True)
            begun = ", ".join(f"{opened:,}/{closed:,} {way}" for (opened, closed), way in ways)
            words += f". Judged by the next mark; opened/closed: {begun}"
            if min(opened + closed for opened, closed in self.marks) < _FEW_MARKS:
                words += ": too few to tell"
        elif self.high < self.low:
            words += ". Held high has less of it: what the unit makes the network write ends the feature"
        return words


def count_clamped(
    network: Network,
    task: Task,
    labelled: LabelledBatch,
    layer: int,
    unit: int,
    level: float,
    pattern: str,
    options: SamplingOptions,
    symbols: int = 4_000,
) -> InSlices[ClampCount]:
    """Write about `symbols` symbols in each way and count. `labelled`: held-out text, which decides the unit's sign."""
    boolean = labelled.feature.dtype == np.bool_
    chance = 0.5 if boolean else 0.0
    best = 0.0
    states = yield from read_states(network, labelled, (layer,), None, slice(unit, unit + 1))
    for values in states.values():
        best = max(best, scores(ranks(values.T), labelled.feature)[0].value - chance, key=abs)
    lowest, highest = np.percentile(states[layer, "h"], (5, 95)).tolist()
    sign = 1 if best >= 0 else -1
    length = -(-symbols // _TEXTS)
    lead = _leads(labelled)
    has_marks = boolean and task.feature_marks(pattern, lead[:, 0]) is not None
    written = length + length // 2 if has_marks else length  # on to the next mark
    means, marks, counted = [], [], []
    for held in (None, sign * abs(level), -sign * abs(level)):
        writer = network if held is None else clamp_network(network, [(layer, unit, held)])
        texts = yield from write_texts(writer, task, lead, written, options)
        own_part = slice(len(lead), len(lead) + length)
        if has_marks:
            opens, closes = (np.stack(each) for each in zip(*(_marks(task, pattern, t) for t in texts.T), strict=True))
            inside, known = inside_by_next_mark(opens, closes)
            values = inside[:, own_part][known[:, own_part]]
            marks.append((int(opens[:, own_part].sum()), int(closes[:, own_part].sum())))
        if not has_marks or not values.size:  # no mark was written: what the text began with holds on
            values = np.concatenate([feature_values(task, pattern, text)[own_part] for text in texts.T])
        means.append(float(np.mean(values)))
        counted.append(values.size)
    free, high, low = means
    return ClampCount(
        layer,
        unit,
        pattern,
        boolean,
        abs(level),
        sign,
        free,
        high,
        low,
        min(counted),
        (lowest, highest),
        tuple(marks),
    )


def _marks(task: Task, pattern: str, text: Array) -> tuple[Array, Array]:
    marks = task.feature_marks(pattern, text)
    assert marks is not None
    return marks


def inside_by_next_mark(opens: Array, closes: Array) -> tuple[Array, Array]:
    """Return where the next mark behind a symbol closes, and where there is one: bool (B, N) each, as `opens`."""
    place = np.where(opens | closes, np.arange(opens.shape[1]), opens.shape[1])
    after = np.minimum.accumulate(place[:, ::-1], axis=1)[:, ::-1]  # the first mark from a symbol on
    after = np.concatenate([after[:, 1:], np.full((len(opens), 1), opens.shape[1])], axis=1)
    has_next = after < opens.shape[1]
    inside = has_next & np.take_along_axis(closes, np.minimum(after, opens.shape[1] - 1), axis=1)
    return inside, has_next


def _leads(labelled: LabelledBatch) -> Array:
    """(L, B) ids: pieces of the text, so that it is plain what is open where the written part begins."""
    text = labelled.select(labelled.batch.inputs)
    length = max(1, min(_LEAD, len(text) // _TEXTS))
    begins = np.arange(_TEXTS) * (len(text) - length) // (_TEXTS - 1)
    return np.asarray(text[begins + np.arange(length)[:, None]])


def write_texts(network: Network, task: Task, lead: Array, length: int, options: SamplingOptions) -> InSlices[Array]:
    """Ids (L + length, B): `lead` (L, B), which the network reads from a zero state, then what it draws."""
    rng = np.random.default_rng(options.seed)
    L, B = lead.shape
    end_id = task.output_vocabulary.index(task.end_symbol) if task.end_symbol is not None else -1
    state: State = network.zero_state(B)
    texts = np.empty((L + length, B), np.int32)
    texts[:L] = lead
    for step in range(1, len(texts)):
        ids = texts[step - 1]
        if end_id >= 0:  # an item leans on none before it
            state = [type(layer)(*(array * (ids != end_id) for array in layer)) for layer in state]
        logits, state = network.step(ids, state)
        if step >= L:
            p = np.stack([draw_distribution(column, options) for column in logits.T.astype(np.float64)])
            edges = np.cumsum(p, axis=1)
            texts[step] = (edges[:, :-1] < rng.random((B, 1)) * edges[:, -1:]).sum(axis=1)
        if step % _STEPS == 0:
            yield
    return texts

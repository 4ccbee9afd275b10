"""Training computed a second time, for the tests: equations on a tape, updates by the textbook, plain NumPy, float64.

It shares no code with the program but the struct of the settings. Gradients come from automatic differentiation, so no
derivative is derived by hand. `train(config, batches, steps)` returns the parameters after some steps; `text_batches`
cuts a text into batches. Random numbers are drawn in the order that the program documents: parameters by name, then
for each layer the mask of W_hh and the mask of h.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnplay.config import RunConfig
from tests.trainer.reference_tape import Array, Var, backward, cross_entropy, relu, sigmoid, tanh

GATES = {"rnn": "h", "input-rnn": "h", "lstm": "oifg", "gru": "rzn"}  # row blocks of the weights, in order


ACTIVATIONS: dict[str, Callable[[Var], Var]] = {
    "tanh": tanh,
    "sigmoid": sigmoid,
    "relu": relu,
    "identity": lambda v: v,
}


def initial_parameters(config: RunConfig, inputs: int, outputs: int) -> dict[str, Array]:
    """First values, drawn from the seed in the order of the names; biases 0 but for the gates that remember."""
    rng, H, gates = np.random.default_rng(config.seed), config.hidden, GATES[config.cell]
    shapes: dict[str, tuple[int, int]] = {}
    for layer in range(config.layers):
        shapes[f"l{layer}.W_xh"] = (len(gates) * H, inputs if layer == 0 else H)
        if config.cell == "input-rnn":
            shapes[f"l{layer}.W_ph"] = (H, inputs if layer == 0 else H)
        else:
            shapes[f"l{layer}.W_hh"] = (len(gates) * H, H)
        if config.bias:
            shapes[f"l{layer}.b_h"] = (len(gates) * H, 1)
            if config.cell == "gru":
                shapes[f"l{layer}.b_hn"] = (H, 1)
    shapes["W_hy"] = (outputs, H)
    if config.bias:
        shapes["b_y"] = (outputs, 1)
    found = {}
    for name, shape in shapes.items():
        if "b_" in name:
            found[name] = np.zeros(shape)
        elif config.init == "normal":
            found[name] = config.init_scale * rng.standard_normal(shape)
        elif config.init == "identity" and name.endswith("W_hh"):
            found[name] = np.tile(np.eye(H), (len(gates), 1))
        elif config.init == "orthogonal" and name.endswith("W_hh"):
            found[name] = np.concatenate([orthonormalised(rng.standard_normal((H, H))) for _ in gates])
        else:
            found[name] = rng.uniform(-(H**-0.5), H**-0.5, shape)
    for layer in range(config.layers):
        if not config.bias or config.cell not in ("lstm", "gru"):
            continue
        block = {gate: slice(k * H, (k + 1) * H) for k, gate in enumerate(gates)}
        b_h = found[f"l{layer}.b_h"]
        if config.chrono_max_lag > 1:  # Tallec and Ollivier (2018); a GRU's z keeps the state
            lags = np.log(rng.uniform(1, config.chrono_max_lag - 1, (H, 1)))
            b_h[block["f" if config.cell == "lstm" else "z"]] = lags
            if config.cell == "lstm":
                b_h[block["i"]] = -lags
        elif (config.max_time_constant or 0) > 1:
            spread = np.log(float(config.max_time_constant or 0)) * rng.random((H, 1))
            b_h[block["f" if config.cell == "lstm" else "z"]] = spread
        elif config.cell == "lstm":
            b_h[block["f"]] = config.forget_bias
    return found


def orthonormalised(matrix: Array) -> Array:
    """Its columns by Gram and Schmidt."""
    columns: list[Array] = []
    for column in matrix.T:
        for other in columns:
            column = column - other * (other @ column)
        columns.append(column / np.sqrt(column @ column))
    return np.stack(columns, axis=1)


@dataclass
class Network:
    """Equations over time on the tape. `state`: the arrays that each layer carries on."""

    config: RunConfig
    p: dict[str, Var]

    def gate(self, z: Var, name: str) -> Var:
        H, k = self.config.hidden, GATES[self.config.cell].index(name)
        return z.rows(k * H, (k + 1) * H)

    def bias(self, z: Var, name: str) -> Var:
        return z + self.p[name] if name in self.p else z

    def time_step(self, layer: int, x: Var, state: list[Var], W_hh: Var | None) -> tuple[Var, list[Var]]:
        cell, n = self.config.cell, f"l{layer}."
        from_x = self.bias(self.p[n + "W_xh"] @ x, n + "b_h")
        if cell == "input-rnn":
            h = ACTIVATIONS[self.config.activation](from_x + self.p[n + "W_ph"] @ state[0])
            return h, [x]
        assert W_hh is not None
        from_h = W_hh @ state[0]
        if cell == "rnn":
            h = ACTIVATIONS[self.config.activation](from_x + from_h)
            return h, [h]
        if cell == "lstm":
            z = from_x + from_h
            o, i, f = (sigmoid(self.gate(z, name)) for name in "oif")
            c = f * state[1] + i * tanh(self.gate(z, "g"))
            h = o * tanh(c)
            return h, [h, c]
        r, z = (sigmoid(self.gate(from_x, name) + self.gate(from_h, name)) for name in "rz")
        new = tanh(self.gate(from_x, "n") + r * self.bias(self.gate(from_h, "n"), n + "b_hn"))
        h = z.map(1 - z.value, -np.ones_like(z.value)) * new + z * state[0]
        return h, [h]

    def loss(self, batch: Any, state: list[list[Array]], rng: np.random.Generator) -> tuple[Var, list[list[Array]]]:
        """Mean loss over the batch's weights, and each layer's last state."""
        config, H = self.config, self.config.hidden
        T, B = batch.inputs.shape
        D = self.p["l0.W_xh"].value.shape[1]
        x = [Var(np.eye(D)[:, batch.inputs[t]]) for t in range(T)]
        last = []
        for layer in range(config.layers):
            W_hh = self.p.get(f"l{layer}.W_hh")
            if W_hh is not None and config.weight_dropout:
                W_hh = W_hh * Var(mask(rng, W_hh.value.shape, config.weight_dropout))
            carried = [Var(part) for part in state[layer]]
            h = []
            for t in range(T):
                out, carried = self.time_step(layer, x[t], carried, W_hh)
                h.append(out)
                if config.tbptt_steps and (t + 1) % config.tbptt_steps == 0:
                    carried = [Var(part.value) for part in carried]  # the gradient ends here, the state goes on
            last.append([part.value for part in carried])
            if config.dropout:
                drop = mask(rng, (T, B, H), config.dropout)
                h = [h[t] * Var(drop[t].T) for t in range(T)]
            x = h
        weights = np.ones((T, B)) if batch.weights is None else batch.weights.astype(float)
        total = Var(0.0)
        for t in range(T):
            y = self.bias(self.p["W_hy"] @ x[t], "b_y")
            total = total + cross_entropy(y, batch.targets[t], weights[t] / weights.sum())
        return total, last

    def zero_state(self, B: int) -> list[list[Array]]:
        config, D = self.config, self.p["l0.W_xh"].value.shape[1]
        parts = 2 if config.cell == "lstm" else 1
        sizes = [D if config.cell == "input-rnn" and layer == 0 else config.hidden for layer in range(config.layers)]
        return [[np.zeros((size, B))] * parts for size in sizes]


def mask(rng: np.random.Generator, shape: tuple[int, ...], share: float) -> Array:
    """Zero for a `share` of the places, 1/(1 - share) for the others."""
    return (rng.random(shape, np.float32) >= share) / (1 - share)


def learning_rate(config: RunConfig, step: int, last_step: int | None) -> float:
    """The learning rate of `step`, from 0."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    if config.schedule == "step":  # halved four times, at each fifth of the run
        assert last_step is not None
        return config.lr / 2 ** (step // (last_step // 5))
    if config.schedule == "cosine":
        assert last_step is not None
        return config.lr * np.cos(np.pi / 2 * (step - config.warmup) / (last_step - config.warmup)) ** 2
    return config.lr


def clipped(config: RunConfig, gradient: Mapping[str, Array]) -> dict[str, Array]:
    """Each number within ±clip_value, then all of them together no longer than `clip`; 0 is without."""
    if config.clip_value:
        gradient = {name: np.clip(g, -config.clip_value, config.clip_value) for name, g in gradient.items()}
    norm = np.sqrt(sum((g**2).sum() for g in gradient.values()))
    scale = config.clip / (norm + 1e-6) if config.clip else 1.0  # PyTorch's 1e-6
    return {name: g * min(scale, 1.0) for name, g in gradient.items()}


@dataclass
class Update:
    """One optimizer as its paper or PyTorch has it, its moments by parameter; weight decay is decoupled in all."""

    config: RunConfig

    def __post_init__(self) -> None:
        self.m: dict[str, Any] = Counter()
        self.v: dict[str, Any] = Counter()
        self.steps = 0

    def __call__(self, p: dict[str, Array], gradient: Mapping[str, Array], lr: float) -> None:
        self.steps += 1
        for name, g in gradient.items():
            p[name] = p[name] * (1 - lr * self.config.weight_decay) - lr * self.direction(name, g)

    def direction(self, name: str, g: Array) -> Array:
        m, v = self.m, self.v
        match self.config.optimizer:
            case "sgd":
                return g
            case "momentum":
                m[name] = self.config.momentum * m[name] + g
                return m[name]
            case "adagrad":
                v[name] = v[name] + g**2
                return g / (np.sqrt(v[name]) + 1e-10)
            case "rmsprop":
                v[name] = 0.95 * v[name] + 0.05 * g**2
                return g / (np.sqrt(v[name]) + 1e-8)
            case "adam" | "adamw":
                m[name] = 0.9 * m[name] + 0.1 * g
                v[name] = 0.999 * v[name] + 0.001 * g**2
                return (m[name] / (1 - 0.9**self.steps)) / (np.sqrt(v[name] / (1 - 0.999**self.steps)) + 1e-8)
        raise KeyError(self.config.optimizer)


@dataclass
class Text:
    """What is read of a text: ids to train on, and how many symbols there are."""

    ids: Array
    symbols: int


def read(config: RunConfig) -> Text:
    """Symbols numbered by code point; beyond `vocabulary` the rarest are one; the share `validation` is held out."""
    assert config.text is not None
    content = Path(config.text).read_bytes()
    characters = "" if config.read_as_bytes else content.decode(config.encoding or "utf-8")
    if config.normalize != "none":
        characters = unicodedata.normalize(config.normalize.upper(), characters)
    symbols: list[int] = list(content) if config.read_as_bytes else [ord(symbol) for symbol in characters]
    counts = Counter(symbols)
    if len(counts) > config.max_vocabulary:
        common = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))[: config.max_vocabulary - 1]
        symbols = [symbol if symbol in common else 0xFFFD for symbol in symbols]
    number = {symbol: k for k, symbol in enumerate(sorted(set(symbols)))}
    ids = np.array([number[symbol] for symbol in symbols])
    if config.holdout == "end":
        ids = ids[: int(len(ids) * (1 - config.validation - config.test))]
    return Text(ids, len(number))


@dataclass
class Piece:
    """One batch: inputs and targets (T, B). resets_state: begins from a zero state."""

    inputs: Array
    targets: Array
    weights: Array | None
    resets_state: bool


def epoch_steps(config: RunConfig, text: Text) -> int:
    return stream_lengths(config, text)[1] // config.seq_len


def stream_lengths(config: RunConfig, text: Text) -> tuple[int, int]:
    """Symbols between the beginnings of two streams, and how many of each stream are trained on."""
    length = (len(text.ids) - 1) // config.batch
    trained = 1 - config.validation - config.test if config.holdout == "streams" else 1
    return length, int(length * trained)


def text_batches(config: RunConfig, text: Text) -> Iterator[Piece]:
    """`batch` streams side by side, `seq_len` characters of each at a time, from a place drawn for each epoch.

    While sequences grow, a step is 1/8, 1/4, 1/2 of `seq_len` long, for a quarter of `grow` steps each.
    """
    apart, length = stream_lengths(config, text)
    streams = np.arange(length)[:, None] + apart * np.arange(config.batch)
    epoch, place, step = -1, length, 0
    while True:
        T = config.seq_len
        if step < config.length_warmup_steps:
            T = max(1, T // 2 ** (3 - step * 4 // config.length_warmup_steps))
        resets_state = place + T > length
        if resets_state:
            epoch += 1
            place = int(np.random.default_rng((config.seed, epoch)).integers(length % config.seq_len + 1))
        rows = streams[place : place + T]
        yield Piece(text.ids[rows], text.ids[rows + 1], None, resets_state or not config.carry)
        place, step = place + T, step + 1


@dataclass
class Trained:
    """What some steps leave: parameters, their average where one is wanted, losses before each step."""

    parameters: dict[str, Array]
    shown: dict[str, Array]
    losses: list[float]


def train(
    config: RunConfig, batches: Iterator[Any], steps: int, inputs: int, outputs: int, per_epoch: int = 0
) -> Trained:
    """The parameters after `steps` updates on `batches`, whose ids are below `inputs` and `outputs`."""
    p = initial_parameters(config, inputs, outputs)
    update, rng, state = Update(config), np.random.default_rng([config.seed, 1]), None
    limits = [config.steps] if config.steps else []
    limits += [int(np.ceil(config.epochs * per_epoch))] if config.epochs else []
    mean, losses = {name: value.copy() for name, value in p.items()}, []
    for step in range(steps):
        batch = next(batches)
        network = Network(config, {name: Var(value) for name, value in p.items()})
        if batch.resets_state or state is None:
            state = network.zero_state(batch.inputs.shape[1])
        loss, state = network.loss(batch, state, rng)
        backward(loss)
        losses.append(float(loss.value))
        gradient = clipped(config, {name: var.grad for name, var in network.p.items()})
        update(p, gradient, learning_rate(config, step, min(limits) if limits else None))
        for name, value in p.items():
            weight = max(1 / (step + 1), 1 - config.ema_decay)
            mean[name] = (1 - weight) * mean[name] + weight * value
    return Trained(p, mean if config.ema_decay else p, losses)

"""The same workload in JAX: a scan over time under jit, the whole training step compiled as one, buffers donated."""

from importlib import import_module
from typing import Any

from rnnplay.bench.child import Prepared, batches, draw_many
from rnnplay.bench.workloads import BATCH_COUNT, CLIP, GATES, LR, V, Workload

jax: Any = import_module("jax")  # Any: it need not be installed where types are checked
jnp: Any = jax.numpy

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


class Adapter:
    """JAX on the CPU, with the threads that it takes by itself."""

    def about(self) -> str:
        return f"JAX {jax.__version__}, {jax.device_count()} {jax.default_backend().upper()} device, its own threads"

    def prepare(self, workload: Workload) -> Prepared:
        return draw_many(_sampling(workload)) if workload.sampling else _training(workload)


def _parameters(workload: Workload, key: Any) -> Any:
    G, H = GATES[workload.cell], workload.hidden
    scale = H**-0.5

    def draw(*shape: int) -> Any:
        nonlocal key
        key, own = jax.random.split(key)
        return jax.random.uniform(own, shape, jnp.float32, -scale, scale)

    layers = [
        {"W_xh": draw(V if layer == 0 else H, G * H), "W_hh": draw(H, G * H), "b": draw(G * H), "b_hn": draw(H)}
        for layer in range(workload.layers)
    ]
    if workload.cell != "gru":
        for layer in layers:
            del layer["b_hn"]
    return {"layers": layers, "W_hy": draw(H, V), "b_y": draw(V)}


def _cell(cell: str, W: Any, z: Any, state: Any) -> Any:
    """One time step: z is W_xh x + b."""
    h = state[0]
    if cell == "gru":
        r_x, z_x, n_x = jnp.split(z, 3, -1)
        r_h, z_h, n_h = jnp.split(h @ W["W_hh"], 3, -1)
        r, u = jax.nn.sigmoid(r_x + r_h), jax.nn.sigmoid(z_x + z_h)
        n = jnp.tanh(n_x + r * (n_h + W["b_hn"]))
        return ((1 - u) * n + u * h,)
    z = z + h @ W["W_hh"]
    if cell == "rnn":
        return (jnp.tanh(z),)
    i, f, g, o = jnp.split(z, 4, -1)
    c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _zero(workload: Workload) -> Any:
    return tuple(jnp.zeros((workload.batch, workload.hidden)) for _ in range(2 if workload.cell == "lstm" else 1))


def _training(workload: Workload) -> Prepared:
    def loss_of(parameters: Any, inputs: Any, targets: Any) -> Any:
        h = None
        for W in parameters["layers"]:
            z = (W["W_xh"][inputs] if h is None else h @ W["W_xh"]) + W["b"]

            def over_time(state: Any, z: Any, W: Any = W) -> Any:
                state = _cell(workload.cell, W, z, state)
                return state, state[0]

            _, h = jax.lax.scan(over_time, _zero(workload), z)
        scores = h @ parameters["W_hy"] + parameters["b_y"]
        return -jnp.take_along_axis(jax.nn.log_softmax(scores), targets[..., None], -1).mean()

    def update(parameters: Any, first: Any, second: Any, count: Any, inputs: Any, targets: Any) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(parameters, inputs, targets)
        norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree.leaves(gradients)))
        scale = jnp.minimum(1.0, CLIP / (norm + 1e-6))
        count = count + 1
        first = jax.tree.map(lambda m, g: _BETA1 * m + (1 - _BETA1) * scale * g, first, gradients)
        second = jax.tree.map(lambda v, g: _BETA2 * v + (1 - _BETA2) * (scale * g) ** 2, second, gradients)
        rate, root = LR / (1 - _BETA1**count), jnp.sqrt(1 - _BETA2**count)
        parameters = jax.tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(v) / root + _EPSILON), parameters, first, second
        )
        return parameters, first, second, count, loss

    compiled = jax.jit(update, donate_argnums=(0, 1, 2, 3))
    parameters = _parameters(workload, jax.random.key(1))
    now = [
        parameters,
        jax.tree.map(jnp.zeros_like, parameters),
        jax.tree.map(jnp.zeros_like, parameters),
        jnp.zeros((), jnp.float32),
    ]
    inputs, targets = (list(map(jnp.asarray, ids)) for ids in batches(workload))

    def step(i: int) -> float:
        *now[:], loss = compiled(*now, inputs[i % BATCH_COUNT], targets[i % BATCH_COUNT])
        return float(loss)

    return Prepared(step, "scan under jit")


def _sampling(workload: Workload) -> Prepared:
    """A character is drawn, read by the host, and fed back."""
    parameters = _parameters(workload, jax.random.key(1))

    def draw(parameters: Any, states: Any, character: Any, key: Any) -> Any:
        x, after = None, []
        for W, state in zip(parameters["layers"], states, strict=True):
            state = _cell(workload.cell, W, (W["W_xh"][character] if x is None else x @ W["W_xh"]) + W["b"], state)
            after.append(state)
            x = state[0]
        key, own = jax.random.split(key)
        return after, jax.random.categorical(own, x @ parameters["W_hy"] + parameters["b_y"]), key

    compiled = jax.jit(draw, donate_argnums=(1, 2, 3))
    now = [[_zero(workload) for _ in range(workload.layers)], jnp.zeros(1, jnp.int32), jax.random.key(2)]

    def step(i: int) -> int:
        now[:] = compiled(parameters, *now)
        return int(now[1][0])

    return Prepared(step, "jit, a character a call")


def adapter(threads: int) -> Adapter:
    return Adapter()

"""The same workload in PyTorch, as quick as it goes without compiling: torch.nn's cells, fused or foreach Adam.

Where there are several variants to say the same (one-hot columns, optimizer, a cell for one time step), the quickest on
this machine is taken.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from rnnplay.bench.child import Prepared, Step, batches, draw_many, fastest_variant
from rnnplay.bench.workloads import BATCH_COUNT, CLIP, LR, V, Workload

_torch: Any = import_module("torch")  # Any: it need not be installed where types are checked
nn: Any = _torch.nn
functional: Any = _torch.nn.functional

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
ONE_STEP = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}


class Adapter:
    """PyTorch with a given number of threads."""

    def __init__(self, threads: int) -> None:
        _torch.set_num_threads(threads)
        _torch.manual_seed(1)

    def about(self) -> str:
        threads = _torch.get_num_threads()
        return f"PyTorch {_torch.__version__}, {threads} thread{'s' if threads > 1 else ''}"

    def prepare(self, workload: Workload) -> Prepared:
        net = CELLS[workload.cell](V, workload.hidden, workload.layers)
        readout = nn.Linear(workload.hidden, V)
        return draw_many(_sampling(net, readout, workload)) if workload.sampling else _training(net, readout, workload)


def _one_hot(ids: Any) -> tuple[Callable[[Any], Any], str]:
    """The fastest function that maps ids (T, B) to (T, B, V), and its name."""
    eye = _torch.eye(V)
    variants: dict[str, Callable[[Any], Any]] = {
        "one_hot": lambda ids: functional.one_hot(ids, V).float(),
        "embedding": lambda ids: functional.embedding(ids, eye),
    }
    name = fastest_variant({name: lambda function=function: function(ids) for name, function in variants.items()}, 20)  # type: ignore[misc]
    return variants[name], name


def _training(net: Any, readout: Any, workload: Workload) -> Prepared:
    parameters = [*net.parameters(), *readout.parameters()]
    inputs, targets = (_torch.from_numpy(ids).long() for ids in batches(workload))
    targets = targets.reshape(BATCH_COUNT, -1)
    encode, encoding = _one_hot(inputs[0])

    def gradients(i: int) -> Any:
        h, _ = net(encode(inputs[i % BATCH_COUNT]))
        loss = functional.cross_entropy(readout(h).view(-1, V), targets[i % BATCH_COUNT])
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, CLIP)
        return loss

    gradients(0)
    optimizers = {
        name: _torch.optim.Adam(parameters, lr=LR, **options)
        for name, options in {
            "plain": {"foreach": False},
            "foreach": {"foreach": True},
            "fused": {"fused": True},
        }.items()
    }
    name = fastest_variant({name: optimizer.step for name, optimizer in optimizers.items()}, 5)
    optimizer = optimizers[name]

    def step(i: int) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = gradients(i)
        optimizer.step()
        return float(loss.item())

    return Prepared(step, f"{encoding}, {name} Adam")


def _sampling(net: Any, readout: Any, workload: Workload) -> Prepared:
    """A character is drawn, read by the host, and fed back."""
    cells = [
        ONE_STEP[workload.cell](V if layer == 0 else workload.hidden, workload.hidden)
        for layer in range(workload.layers)
    ]
    eye = _torch.eye(V)
    now = [_torch.zeros(1, dtype=_torch.long), None, [None] * workload.layers]

    def draw(h: Any) -> int:
        now[0] = _torch.multinomial(functional.softmax(readout(h), -1).view(-1), 1)
        return int(now[0].item())

    def whole(i: int) -> int:
        with _torch.inference_mode():
            h, now[1] = net(eye[now[0]].view(1, 1, V), now[1])
            return draw(h)

    def single(i: int) -> int:
        with _torch.inference_mode():
            x = eye[now[0]]
            for layer, cell in enumerate(cells):
                state = now[2][layer] = cell(x, now[2][layer])
                x = state[0] if workload.cell == "lstm" else state
            return draw(x)

    variants: dict[str, Step] = {f"nn.{workload.cell.upper()}": whole, f"nn.{workload.cell.upper()}Cell": single}
    name = fastest_variant({name: lambda function=function: function(0) for name, function in variants.items()}, 50)  # type: ignore[misc]
    return Prepared(variants[name], f"{name}, multinomial")


def adapter(threads: int) -> Adapter:
    return Adapter(threads)

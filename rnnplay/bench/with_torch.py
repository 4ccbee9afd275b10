"""The same work in PyTorch, as quick as it goes without compiling: torch.nn's cells, fused or foreach Adam.

Where there are several ways to say the same (one-hot columns, optimizer, a cell for one time step), the quickest on
this machine is taken.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from rnnplay.bench.contender import Step, batches, one_by_one, quickest
from rnnplay.bench.work import CLIP, LR, POOL, V, Work

_torch: Any = import_module("torch")  # Any: it need not be installed where types are checked
nn: Any = _torch.nn
functional: Any = _torch.nn.functional

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
ONE_STEP = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}


class Library:
    """PyTorch with so many threads."""

    def __init__(self, threads: int) -> None:
        _torch.set_num_threads(threads)
        _torch.manual_seed(1)

    def about(self) -> str:
        threads = _torch.get_num_threads()
        return f"PyTorch {_torch.__version__}, {threads} thread{'s' if threads > 1 else ''}"

    def prepare(self, work: Work) -> tuple[Step, str]:
        net = CELLS[work.cell](V, work.hidden, work.layers)
        readout = nn.Linear(work.hidden, V)
        return one_by_one(_sampling(net, readout, work)) if work.sampling else _training(net, readout, work)


def _one_hot(ids: Any) -> tuple[Callable[[Any], Any], str]:
    """The quickest way to ids (T, B) -> (T, B, V)."""
    eye = _torch.eye(V)
    ways: dict[str, Callable[[Any], Any]] = {
        "one_hot": lambda ids: functional.one_hot(ids, V).float(),
        "embedding": lambda ids: functional.embedding(ids, eye),
    }
    name = quickest({name: lambda way=way: way(ids) for name, way in ways.items()}, 20)  # type: ignore[misc]
    return ways[name], name


def _training(net: Any, readout: Any, work: Work) -> tuple[Step, str]:
    parameters = [*net.parameters(), *readout.parameters()]
    inputs, targets = (_torch.from_numpy(ids).long() for ids in batches(work))
    targets = targets.reshape(POOL, -1)
    encode, encoding = _one_hot(inputs[0])

    def gradients(i: int) -> Any:
        h, _ = net(encode(inputs[i % POOL]))
        loss = functional.cross_entropy(readout(h).view(-1, V), targets[i % POOL])
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
    name = quickest({name: optimizer.step for name, optimizer in optimizers.items()}, 5)
    optimizer = optimizers[name]

    def step(i: int) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = gradients(i)
        optimizer.step()
        return float(loss.item())

    return step, f"{encoding}, {name} Adam"


def _sampling(net: Any, readout: Any, work: Work) -> tuple[Step, str]:
    """A character is drawn, read by the host, and fed back."""
    cells = [ONE_STEP[work.cell](V if layer == 0 else work.hidden, work.hidden) for layer in range(work.layers)]
    eye = _torch.eye(V)
    now = [_torch.zeros(1, dtype=_torch.long), None, [None] * work.layers]

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
                x = state[0] if work.cell == "lstm" else state
            return draw(x)

    ways: dict[str, Step] = {f"nn.{work.cell.upper()}": whole, f"nn.{work.cell.upper()}Cell": single}
    name = quickest({name: lambda way=way: way(0) for name, way in ways.items()}, 50)  # type: ignore[misc]
    return ways[name], f"{name}, multinomial"


def library(threads: int) -> Library:
    return Library(threads)

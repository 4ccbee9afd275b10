"""The network itself: its matrices, their singular values and eigenvalues, and how open its gates are."""

import msgspec

from rnnplay.protocol.base import Command, Event, PackedArray


class DescribeNetwork(Command, frozen=True, kw_only=True):
    """Ask which parameters there are, and how open the gates are."""

    characters: int = 4_000  # over which gates are counted


class MatrixInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter in the list. `name` as files have it, `title` as screens write it."""

    name: str
    title: str
    shape: tuple[int, int]
    norm: float | None  # Frobenius; None: not finite


class GateOpenness(msgspec.Struct, frozen=True, kw_only=True):
    """The fractions of units of a layer whose gate is above .9, and below .1, in more than half of the time steps."""

    layer: int
    gate: str
    mostly_open: float
    mostly_shut: float
    meaning: str


class NetworkDescribed(Event, frozen=True, kw_only=True):
    """The answer to DescribeNetwork. `earlier`: the steps of checkpoints to compare with."""

    step: int
    parameters: int
    matrices: tuple[MatrixInfo, ...]
    gates: tuple[GateOpenness, ...]
    characters: int = 0  # that gates were counted over
    earlier: tuple[int, ...] = ()
    best_step: int | None = None  # of the best evaluation; None: there is none


class ShowMatrix(Command, frozen=True, kw_only=True):
    """The numbers of one parameter, `block` of whose gates' eigenvalues are wanted, now and as they were at a step."""

    name: str
    gate: str = ""  # of a recurrent matrix: whose eigenvalues; empty: the first one's
    step: int | None = None  # an earlier checkpoint beside it


class MatrixValues(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter at a step: values (rows, columns) float32, and what is computed from them."""

    step: int
    values: PackedArray
    norm: float | None
    singular_values: tuple[float, ...]  # descending; empty: too large, or not finite
    eigenvalues: PackedArray | None = None  # (2, H): real and imaginary parts, of the gate's H by H block


class MatrixShown(Event, frozen=True, kw_only=True):
    """The answer to ShowMatrix. rows and columns name what a weight leads to, and from."""

    name: str
    title: str
    now: MatrixValues
    earlier: MatrixValues | None = None
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    gate: str = ""  # whose eigenvalues
    gates: tuple[str, ...] = ()  # that can be asked for
    note: str = ""


NetworkCommand = DescribeNetwork | ShowMatrix
NetworkEvent = NetworkDescribed | MatrixShown

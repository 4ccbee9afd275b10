"""Guess which tensor of another program is which of ours: by torch.nn's names anywhere in theirs, else by shape.

Two directions and projections are refused. What remains in doubt is refused too, with a table of names and shapes.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from rnnplay.config import UserError
from rnnplay.exchange.torch_names import EMBEDDING, READOUT, READOUT_BIAS, layer_name

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

LEFT_OUT = "none"
MAP_REMEDY = "Name it with --map THEIRS=OURS, such as --map fc.weight=readout.weight, or =none to leave it out."

_TORCH = re.compile(r"(.*?)(weight|bias)_(ih|hh|hr)(?:_l(\d+))?(_reverse)?(_raw)?$")
_OURS = re.compile(r"rnn\.(?:weight|bias)_[ih]h_l\d+|readout\.(?:weight|bias)|embedding\.weight")
_EMBEDDING_WORDS = re.compile(r"emb|lookup|encoder|wte", re.IGNORECASE)
_READOUT_WORDS = re.compile(r"readout|out|fc|linear|dec|head|proj|dense|logit|classif|h2o|hy", re.IGNORECASE)
_RECURRENT_WORDS = re.compile(r"hh|h2h|rec|hidden|w_?h(?!x)|u(?![a-z])", re.IGNORECASE)
_INPUT_WORDS = re.compile(r"ih|xh|i2h|x2h|in|w_?x|x", re.IGNORECASE)
_SAYS_INPUT = re.compile(r"xh|hx|x2h|i2h|(?<![a-z])(?:ih|w_?x|w?_?in(?:put)?)(?![a-z])", re.IGNORECASE)
_SAYS_OUTPUT = re.compile(
    r"hy|yh|h2o|h2y|(?<![a-z])(?:ho|w_?y|v|w?_?out(?:put)?|dense|logits?)(?![a-z])", re.IGNORECASE
)
_BIAS_WORDS = re.compile(r"(?:^|[._/])b(?:ias)?(?:[_.]?(?:xh|hh|hy|ih|[xhyio]))?$", re.IGNORECASE)
_DROPOUT_WORDS = re.compile(r"drop|mask", re.IGNORECASE)
_GATES = {4: "LSTM", 3: "GRU", 1: "RNN"}  # row blocks of a cell's matrices


@dataclass
class NameTable:
    """Their names and ours: `ours[theirs]` is None for a tensor that is left out.

    is_tied: the embedding is the readout's matrix too.
    """

    shapes: Shapes
    ours: dict[str, str | None] = field(default_factory=dict)
    is_tied: bool = False

    @property
    def has_torch_gates(self) -> bool:
        """Return whether the recurrent matrices have names of torch.nn, so that the order of gates is known."""
        recurrent = [theirs for theirs, ours in self.ours.items() if ours and "weight_hh" in ours]
        return all(_TORCH.fullmatch(theirs) for theirs in recurrent)

    @property
    def is_plain(self) -> bool:
        """Return whether every tensor has our name already."""
        return all(theirs == ours for theirs, ours in self.ours.items())

    def lines(self) -> list[str]:
        """The table, a line for each tensor: their name, its shape, our name."""
        width = max(map(len, self.ours), default=0)
        names = {
            theirs: f"{EMBEDDING}, {READOUT}" if self.is_tied and ours == EMBEDDING else ours or "(left out)"
            for theirs, ours in self.ours.items()
        }
        return [
            f"  {theirs:<{width}}  {shape_text(self.shapes[theirs]):<14} -> {name}" for theirs, name in names.items()
        ]


def shape_text(shape: Shape) -> str:
    """(52, 9) as "52 x 9"."""
    return " x ".join(map(str, shape)) or "one number"


def parse_map(entries: Sequence[str]) -> dict[str, str]:
    """{theirs: ours} from THEIRS=OURS. Raises UserError."""
    mapping: dict[str, str] = {}
    for entry in entries:
        theirs, equals, ours = entry.rpartition("=")
        if not equals or not theirs or (ours != LEFT_OUT and not _OURS.fullmatch(ours)):
            raise UserError(
                f"--map {entry} is not understood.",
                "Give THEIRS=OURS, where OURS is rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, rnn.bias_hh_l0 "
                "(and so on for l1), embedding.weight, readout.weight, readout.bias or none.",
            )
        mapping[theirs] = ours
    return mapping


def guess_names(shapes: Shapes, mapping: Mapping[str, str] | None = None) -> NameTable:
    """Our names for tensors of these shapes; `mapping` says some of them. Raises UserError where it is in doubt."""
    shapes = {name: _without_ones(name, shape) for name, shape in shapes.items()}
    table = NameTable(shapes)
    for theirs, ours in (mapping or {}).items():
        if theirs not in shapes:
            raise UserError(f'The file has no tensor "{theirs}".', f"It has {', '.join(sorted(shapes))}.")
        _name(table, theirs, None if ours == LEFT_OUT else ours)
    _name_by_torch(table)
    for theirs in shapes:
        if theirs not in table.ours and _OURS.fullmatch(theirs):
            _name(table, theirs, theirs)
    if not any(ours == layer_name("weight_hh", 0) for ours in table.ours.values()):
        _name_by_shape(table)
    _name_readout(table)
    if not mapping:
        _refuse_exchanged(table)
    for theirs in shapes:
        if theirs not in table.ours:
            if not _DROPOUT_WORDS.search(theirs):
                raise _in_doubt(f'The tensor "{theirs}" ({shape_text(shapes[theirs])}) has no place here.', table)
            table.ours[theirs] = None
    return table


def _without_ones(name: str, shape: Shape) -> Shape:
    """The shape of a bias that is saved as a column or a row is its length alone; others are as they are."""
    is_vector = len(shape) == 2 and min(shape) == 1
    return (max(shape),) if is_vector and _BIAS_WORDS.search(name) else shape


def _name(table: NameTable, theirs: str, ours: str | None) -> None:
    """Set a name. Raises UserError if another tensor has it."""
    if ours is not None and (other := next((t for t, o in table.ours.items() if o == ours), None)) is not None:
        raise _in_doubt(f'Both "{other}" and "{theirs}" would be {ours}.', table)
    table.ours[theirs] = ours


def _in_doubt(problem: str, table: NameTable) -> UserError:
    rest = [f"{name} ({shape_text(shape)})" for name, shape in table.shapes.items() if name not in table.ours]
    shown = ", ".join(rest[:12]) + (", ..." if len(rest) > 12 else "")
    return UserError(problem, MAP_REMEDY + (f" Without a name of ours: {shown}." if rest else ""))


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts l2 before l10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


# -------------------------------------------------------------------------------------------------- by torch.nn's names


def _name_by_torch(table: NameTable) -> None:
    """Name what ends in weight_ih_l0 and so on. Modules on top of each other are numbered through."""
    layers: dict[tuple[str, int], dict[str, str]] = {}  # (module, layer of it) -> {part: theirs}
    for theirs in table.shapes:
        if theirs in table.ours or (match := _TORCH.fullmatch(theirs)) is None:
            continue
        module, kind, side, layer, reverse, raw = match.groups()
        if reverse:
            raise UserError(
                f'The network reads in two directions ("{theirs}"), which none of ours does.',
                "Give one that reads in one direction: bidirectional=False.",
            )
        if side == "hr":
            raise UserError(
                f'The network projects its hidden state ("{theirs}"), which none of ours does.',
                "Give one without projections: proj_size=0.",
            )
        parts = layers.setdefault((module.replace("module.", ""), int(layer or 0)), {})
        part = f"{kind}_{side}"
        if part in parts:  # a copy with dropped weights beside the raw ones
            dropped = parts[part] if raw else theirs
            if not raw and not parts[part].endswith("_raw"):
                raise _in_doubt(f'Both "{parts[part]}" and "{theirs}" would be {part} of one layer.', table)
            table.ours[dropped] = None
            if not raw:
                continue
        parts[part] = theirs
    modules = {module for module, _ in layers}
    if any("encoder" in module for module in modules) and any("decoder" in module for module in modules):
        raise UserError(
            "The file holds an encoder and a decoder, which are two networks.", "Give a file with one network."
        )
    given = {ours for ours in table.ours.values() if ours is not None}
    ordered = sorted(layers, key=lambda key: (_natural(key[0]), key[1]))
    for number, key in enumerate(ordered):
        for part, theirs in layers[key].items():
            if layer_name(part, number) in given:
                raise _in_doubt(f'"{theirs}" would be {layer_name(part, number)} too.', table)
            _name(table, theirs, layer_name(part, number))


# ------------------------------------------------------------------------------------------------------------- by shape


def _name_by_shape(table: NameTable) -> None:
    """Name the matrices and biases of the layers by their shapes, if there is one way in which they fit together."""
    rest = {name: shape for name, shape in table.shapes.items() if name not in table.ours}
    matrices = {name: shape for name, shape in rest.items() if len(shape) == 2 and min(shape)}
    ways = [
        way
        for gates, hidden in sorted({(rows // H, H) for rows, H in matrices.values() if rows % H == 0}, reverse=True)
        if gates in _GATES and (way := _layers(matrices, rest, gates, hidden)) is not None
    ]
    if len(ways) != 1:
        if transposed := [n for n, (rows, columns) in matrices.items() if columns in (3 * rows, 4 * rows)]:
            raise _in_doubt(f'The tensor "{transposed[0]}" seems transposed: ours has gates in its rows.', table)
        raise _in_doubt("The tensors do not say by their shapes which is which.", table)
    for theirs, ours in ways[0].items():
        _name(table, theirs, ours)


def _layers(matrices: Shapes, rest: Shapes, gates: int, H: int) -> dict[str, str] | None:
    """{theirs: ours} of the layers of a cell with so many gates and hidden units; None if they do not fit.

    In a (G*H, H) matrix either another layer's output or the layer's own is read: the names must say which.
    """
    rows = gates * H
    square = [name for name, shape in matrices.items() if shape == (rows, H)]
    first = [name for name, shape in matrices.items() if shape[0] == rows and shape[1] != H]
    readouts = [name for name, shape in matrices.items() if shape[1] == H and shape[0] != rows]
    others = [name for name in matrices if name not in (*square, *first, *readouts)]
    if len(first) > 1 or not readouts or len(readouts) > 2 or len(others) > 1 or not square:
        return None
    D = matrices[first[0]][1] if first else H
    if any(matrices[name][1] != D for name in others):  # an embedding's vectors are what the first layer reads
        return None
    if len(square) == 1 and first:
        recurrent, inputs = square, first
    else:
        recurrent = _hinted(square, _RECURRENT_WORDS, _INPUT_WORDS)
        inputs = first + _hinted(square, _INPUT_WORDS, _RECURRENT_WORDS)
    if len(recurrent) != len(inputs) or len(recurrent) + len(inputs) != len(square) + len(first):
        return None
    names = {theirs: layer_name("weight_hh", n) for n, theirs in enumerate(recurrent)}
    names |= {theirs: layer_name("weight_ih", n) for n, theirs in enumerate(inputs)}
    biases = sorted((name for name, shape in rest.items() if shape == (rows,)), key=_natural)
    layers = len(recurrent)
    if rows in {matrices[name][0] for name in readouts} or len(biases) not in (0, layers, 2 * layers):
        return None
    if len(biases) == layers:
        return names | {theirs: layer_name("bias_ih", n) for n, theirs in enumerate(biases)}
    first_biases = _hinted(biases, _INPUT_WORDS, _RECURRENT_WORDS)
    second_biases = _hinted(biases, _RECURRENT_WORDS, _INPUT_WORDS)
    if len(first_biases) != layers or len(second_biases) != layers:
        if layers > 1 or gates == 3:  # of a GRU's two biases each has a place of its own
            return None if biases else names
        first_biases, second_biases = biases[:1], biases[1:]
    names |= {theirs: layer_name("bias_ih", n) for n, theirs in enumerate(first_biases)}
    return names | {theirs: layer_name("bias_hh", n) for n, theirs in enumerate(second_biases)}


def _hinted(names: Collection[str], words: re.Pattern[str], not_words: re.Pattern[str]) -> list[str]:
    """Return the `names` whose last part has one of `words`, and none of `not_words` before it; in natural order."""

    def place(pattern: re.Pattern[str], name: str) -> int:
        matches = list(pattern.finditer(name))
        return matches[-1].end() if matches else -1

    return sorted((name for name in names if place(words, name) > place(not_words, name)), key=_natural)


def _refuse_exchanged(table: NameTable) -> None:
    """Raise UserError if the readout is called after inputs, and the first layer's matrix after outputs.

    Transposed matrices of an RNN fit in each other's places: (V, H) and (H, V).
    """
    theirs = {ours: theirs for theirs, ours in table.ours.items() if ours is not None}
    first, readout = theirs.get(layer_name("weight_ih", 0), ""), theirs.get(READOUT, "")
    is_input = _SAYS_INPUT.search(readout) and not _SAYS_OUTPUT.search(readout)
    is_output = _SAYS_OUTPUT.search(first) and not _SAYS_INPUT.search(first)
    if is_input or is_output:
        raise UserError(
            f'By their shapes "{first}" would be the first layer\'s matrix and "{readout}" the readout: '
            "they seem transposed.",
            "Save every matrix, the recurrent one too, with a row for each number that it gives, "
            "or say with --map which is which.",
        )


# ------------------------------------------------------------------------------------------------ readout and embedding


def _name_readout(table: NameTable) -> None:
    """Name the readout, its bias and an embedding among what has no name yet."""
    given = {ours: table.shapes[theirs] for theirs, ours in table.ours.items() if ours is not None}
    if layer_name("weight_hh", 0) not in given or layer_name("weight_ih", 0) not in given:
        return  # from_torch says what is missing
    H, D = given[layer_name("weight_hh", 0)][-1], given[layer_name("weight_ih", 0)][-1]
    rest = {name: shape for name, shape in table.shapes.items() if name not in table.ours}
    matrices = [name for name, shape in rest.items() if len(shape) == 2]
    if READOUT not in given:
        fitting = [name for name in matrices if rest[name][1] == H]
        if len(fitting) > 1:
            fitting = (
                [name for name in fitting if _READOUT_WORDS.search(name) and not _EMBEDDING_WORDS.search(name)]
                or [name for name in fitting if not _EMBEDDING_WORDS.search(name)]
                or fitting
            )
        if len(fitting) != 1:
            fault = "Several tensors" if fitting else "None of the tensors"
            raise _in_doubt(f"{fault} could be readout.weight, a matrix (symbols, {H}).", table)
        table.is_tied = D == H and EMBEDDING not in given and bool(_EMBEDDING_WORDS.search(fitting[0]))
        _name(table, fitting[0], EMBEDDING if table.is_tied else READOUT)
        matrices.remove(fitting[0])
        given |= {READOUT: rest[fitting[0]]} | ({EMBEDDING: rest[fitting[0]]} if table.is_tied else {})
    if READOUT_BIAS not in given:
        fitting = [name for name, shape in rest.items() if shape == (given[READOUT][0],)]
        ours_of_readout = EMBEDDING if table.is_tied else READOUT
        readout = next(theirs for theirs, ours in table.ours.items() if ours == ours_of_readout)
        own = readout.removesuffix("weight") + "bias"
        if own in fitting or len(fitting) == 1:
            _name(table, own if own in fitting else fitting[0], READOUT_BIAS)
    if EMBEDDING not in given:
        fitting = [name for name in matrices if rest[name][1] == D and name not in table.ours]
        if len(fitting) == 1 and (rest[fitting[0]][0] != D or _EMBEDDING_WORDS.search(fitting[0])):
            _name(table, fitting[0], EMBEDDING)

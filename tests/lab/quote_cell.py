"""An LSTM with a quote cell, its weights set by hand."""

from rnnplay.engine import GATES, Architecture, Network

LETTERS = '\n "abcde.'
PLANTED = 5


def random_network(cell: str = "lstm", seed: int = 3, layers: int = 2) -> Network:
    return Network(Architecture(cell=cell, inputs=len(LETTERS), hidden=11, outputs=len(LETTERS), layers=layers), seed)


def with_a_quote_cell(layers: int = 2) -> Network:
    """Unit PLANTED of the last layer but one flips at a quote and holds otherwise: an LSTM's latch, set by hand.

    A quote after white space opens (g high), one after a letter or full stop closes (g low). So that the input alone
    decides, an opening quote is told by what was read before it: unit 0 remembers whether that was white space.
    """
    network = random_network(layers=layers)
    p, H, gates = network.parameters, 11, list(GATES["lstm"])

    def row(gate: str, unit: int) -> int:
        return gates.index(gate) * H + unit

    def still(unit: int, gate: str, bias: float) -> None:
        p["l0.W_xh"][row(gate, unit)] = 0
        p["l0.W_hh"][row(gate, unit)] = 0
        p["l0.b_h"][row(gate, unit)] = bias

    for gate, bias in (("i", 9), ("f", -9), ("o", 9), ("g", -9)):  # unit 0: was the last symbol white space?
        still(0, gate, bias)
    for symbol in " \n":
        p["l0.W_xh"][row("g", 0), LETTERS.index(symbol)] = 18
    for gate, bias in (("i", -9), ("f", 9), ("o", 9), ("g", 0)):  # unit PLANTED: moves at quotes alone
        still(PLANTED, gate, bias)
    quote = LETTERS.index('"')
    p["l0.W_xh"][row("i", PLANTED), quote] = 18
    p["l0.W_xh"][row("f", PLANTED), quote] = -18
    p["l0.W_hh"][row("g", PLANTED), 0] = 9  # what stood before the quote: +9 after white space, -9 else
    return network

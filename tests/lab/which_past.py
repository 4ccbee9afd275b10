"""How often "which past mattered" names the word that decides, on fresh messages of `typing`.

    python tests/lab/which_past.py RUN [RUN ...] [--messages 200]

RUN: the directory of a run of typing. The messages are neither trained nor tested on. A word decides if the grammar
leaves something else possible after it than before it; the last of these settles what comes. Beside the swaps stand the
gradient's map, the last word of the past, and a word of the past at random (its expectation).
"""

import argparse
from collections.abc import Iterator

import numpy as np
from deciding_words import deciding_places

from rnnplay.lab import time as gradients
from rnnplay.lab.reference_network import ReferenceNetwork
from rnnplay.lab.swap import Swaps, commonest, compute_swaps
from rnnplay.protocol import Inspect
from rnnplay.tasks.base import Array, Batch
from rnnplay.tasks.generated import seeded_rng
from rnnplay.tasks.typing_messages import Messages, Typing
from rnnplay.trainer.opening import open_session


def fresh_messages(task: Typing, seed: str = "which past mattered") -> Iterator[tuple[list[str], int]]:
    """Yield messages, and the place of the word that was decided far back, that are in no part of `task`."""
    used = {key for keys in task.keys.values() for key in keys}
    messages = Messages()
    messages.rng = seeded_rng("typing", seed)
    for line in messages:
        text, _, at = line.partition("\t")
        if text not in used and set(text.split()) <= set(task.vocabulary):
            used.add(text)
            yield text.split(), int(at)


def measure(run: str, count: int) -> str:
    """Return the scores of one run's network on `count` messages, in words."""
    learner = open_session(Inspect(run=run)).learner
    task, network = learner.task, learner.eval_network()
    assert isinstance(task, Typing)
    reference = ReferenceNetwork(network.architecture, network.parameters)
    counts = commonest(task)

    def predict(batch: Batch) -> Array:
        return np.asarray(network.forward(batch).outputs)

    tops: dict[str, list[tuple[bool, bool]]] = {"swaps": [], "gradient": [], "last word": []}
    random, right, missed = [], 0, []
    for (words, at), _ in zip(fresh_messages(task), range(count), strict=False):
        row = np.array([task.vocabulary.index(word) for word in words], np.int32)[:, None]
        batch, position = Batch(row[:-1], row[1:]), at - 1
        *_, result = compute_swaps(predict, batch, position, counts)
        assert isinstance(result, Swaps)
        norms = gradients.influence(reference, batch, position).norms[:position]
        deciding = deciding_places(words)
        named = {
            "swaps": result.ranked(1)[0].place,
            "gradient": int(norms.argmax()),
            "last word": position - 1,
        }
        for way, place in named.items():
            tops[way].append((place == deciding[-1], place in deciding))
        if named["swaps"] not in deciding:
            missed.append(f"  {words[named['swaps']]!r} in: {' '.join(words[: at + 1])}")
        random.append((1 / position, len(deciding) / position))
        right += result.output == row[at, 0]
    parts = {way: np.mean(values, axis=0) for way, values in [*tops.items(), ("a random word", random)]}
    lines = [f"{run}: {count} fresh messages, {right / count:.1%} predicted right"]
    lines.append(f"  {'named first':<16} what settles  what decides")
    lines += [f"  {way:<16} {settles:12.1%} {decides:13.1%}" for way, (settles, decides) in parts.items()]
    return "\n".join([*lines, *missed])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--messages", type=int, default=200)
    options = parser.parse_args()
    for run in options.runs:
        print(measure(run, options.messages), flush=True)


if __name__ == "__main__":
    main()

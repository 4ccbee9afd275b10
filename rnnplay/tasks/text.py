"""Any text, character by character: B contiguous streams whose state is carried over, the end of the text held out.

The text is one array of ids; a batch is a slice of a view of it.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from rnnplay import corpora
from rnnplay.config import MAX_VOCABULARY, RunConfig, UserError
from rnnplay.tasks import ngram
from rnnplay.tasks.base import Array, Batch, Task
from rnnplay.tasks.data import MAX_HELD_OUT, TaskData, describe_unknown_symbols
from rnnplay.tasks.text_features import features_for, marks_for
from rnnplay.tasks.text_split import describe_part, split_text

EVALUATION_STREAMS = 16
BETWEEN_FILES = {"file": corpora.END_OF_FILE, "line": "\n", "blank": "\n\n"}  # by `document`: no item spans two files
MAX_EVALUATED_CHARS = MAX_HELD_OUT  # characters at most
_EVALUATION_LENGTH = 128  # time steps at a time
_BASELINE_COUNTED = 5_000_000  # characters, the last of the training part


class TextTask(Task):
    """Predict the next character of a text. The end of the text is held out; the vocabulary is the whole text's."""

    step_unit = "characters"
    _part_streams = 0  # of validation and test: they are the tails of so many streams; 0: each is one text

    def __init__(self, config: RunConfig, known: TaskData | None = None, *, reads_text: bool = True) -> None:
        """known: data of an earlier text, whose vocabulary is used. reads_text: False makes the task from it alone.

        Raises UserError if the text cannot be read or is too short, or if `known` is not understood.
        """
        self.name, self.config = config.task, config
        self.step_unit = "bytes" if config.read_as_bytes else self.step_unit
        self._features = features_for(config.task, config.text)
        self._ngrams: dict[str, float] = {}  # nats a symbol of the n-gram models that were computed, by order
        if not reads_text:
            assert known is not None
            self._restore_data(known)
        else:
            self._prepare(self.read_text() if known is None else self.read_in_vocabulary(known))
        if (letter := corpora.right_to_left_letter(self.vocabulary)) is not None:
            self.notes += (
                f"Text written from right to left, with letters such as {letter}, is shown in logical order: "
                "the symbol that is read first stands left.",
            )

    def _prepare(self, text: corpora.EncodedText) -> None:
        """Set up vocabulary, parts and streams. Raises UserError if the text is too short."""
        config = self.config
        self.vocabulary = self.output_vocabulary = text.vocabulary
        self.inputs = self.outputs = len(text.vocabulary)
        self.sha256, self.unknown_id, self.notes = text.sha256, text.unknown_id, text.notes
        split, T = split_text(text.ids, config), config.seq_len
        if split is None:
            trained = int(len(text.ids) * (1 - config.validation - config.test))
            raise UserError(
                f'"{text.name}" is too short: it has {trained:,} {self.step_unit} to train on, '
                f"one sequence of length {T:,} takes {T + 1:,}.",
                "Give a longer text or a smaller --seq-len.",
            )
        self.training_ids: Array = split.training_ids  # (N,) uint8 or uint16
        self.training_size = len(split.training_ids)
        self.held_out_ids, self.held_out_size = split.validation, len(split.validation)
        self.test_ids, self._part_streams = split.test, split.streams
        B, self._length = split.inputs.shape  # S of a stream
        if config.batch > B:
            self.notes += (f"The text is short: {B} sequences are read side by side instead of {config.batch}.",)
        self._inputs, self._targets = split.inputs, split.targets
        self.epoch_steps = self._length // T
        self._epoch, self._position = -1, self._length  # the next batch begins an epoch

    def read_text(self) -> corpora.EncodedText:
        """Return the text that the configuration names. Raises UserError if it cannot be read."""
        return read_text_of(self.config, self.config.task, self.config.max_vocabulary)

    def read_in_vocabulary(self, known: TaskData) -> corpora.EncodedText:
        """Return the text in the vocabulary of an earlier one; its notes name and count what is new in it."""
        text = read_text_of(self.config, self.config.task, MAX_VOCABULARY)
        vocabulary, unknown_id = known.symbols("vocabulary"), _unknown_id(known)
        ids, new = corpora.reencode(text, vocabulary, unknown_id)
        notes = text.notes
        if new:
            treatment = "left out" if unknown_id is None else f"read as {vocabulary[unknown_id]!r}"
            notes = (*notes, describe_unknown_symbols(new, self.step_unit, treatment, len(text.ids)))
        return corpora.EncodedText(
            name=text.name,
            ids=ids,
            vocabulary=vocabulary,
            sha256=text.sha256,
            size=text.size,
            unknown_id=unknown_id,
            notes=notes,
        )

    def data(self) -> TaskData:
        """Vocabulary, baselines and the held-out symbols that are evaluated."""
        self.baselines()  # so that the models behind them are known
        values = {
            "vocabulary": list(self.vocabulary),
            "unknown_id": self.unknown_id,
            "sha256": self.sha256,
            "training_size": self.training_size,
            "held_out_size": self.held_out_size,
            "epoch_steps": self.epoch_steps,
            "ngrams": dict(self._ngrams),
        }
        most = None if self._part_streams else MAX_EVALUATED_CHARS + 1  # the tails of streams are measured whole
        arrays = {"held_out": self.held_out_ids[:most]}
        if self._part_streams:
            values["part_streams"] = self._part_streams
        if len(self.test_ids):
            arrays["test"] = self.test_ids[:most]
        return TaskData(arrays, values)

    def _restore_data(self, data: TaskData) -> None:
        self.vocabulary = self.output_vocabulary = data.symbols("vocabulary")
        self.inputs = self.outputs = len(self.vocabulary)
        self.sha256, self.unknown_id = data.values.get("sha256"), _unknown_id(data)
        self.held_out_ids, self.held_out_size = data.ids("held_out", self.inputs), data.integer("held_out_size")
        self.training_size, self.epoch_steps = data.integer("training_size"), data.integer("epoch_steps")
        if self.config.holdout == "streams":
            self._part_streams = data.streams("part_streams", self.held_out_ids)
        if self.config.test:
            self.test_ids = data.ids("test", self.inputs)
        self._ngrams = {order: float(loss) for order, loss in dict(data.values.get("ngrams", {})).items()}
        self._epoch, self._position, self.has_training_data = -1, 0, False

    def batch(self, step: int) -> Batch:
        """(T, B): the next T characters of each stream; while sequences lengthen, T doubles three times."""
        T = self.config.seq_len
        if step < self.config.length_warmup_steps:
            T = max(T >> (3 - 4 * step // self.config.length_warmup_steps), 1)
        begins_epoch = self._position + T > self._length
        if begins_epoch:
            self._epoch += 1
            # If a stream's length is no multiple of T, the part that is left out differs from epoch to epoch.
            slack = self._length - self.config.seq_len * self.epoch_steps
            self._position = int(np.random.default_rng((self.config.seed, self._epoch)).integers(slack + 1))
        span = slice(self._position, self._position + T)
        self._position += T
        return Batch(
            _time_first(self._inputs[:, span]),
            _time_first(self._targets[:, span]),
            resets_state=begins_epoch or not self.config.carry,
        )

    def evaluation(self, streams: int = EVALUATION_STREAMS, limit: int = MAX_EVALUATED_CHARS) -> Iterator[Batch]:
        """The first `limit` held-out characters in up to `streams` streams; nothing if none are held out.

        Tails of streams are read whole, each in its own stream.
        """
        return self._part_batches(self.held_out_ids, streams, limit)

    def test_batches(self, streams: int = EVALUATION_STREAMS) -> Iterator[Batch]:
        """The part kept for a last test, whole. Raises UserError if the run has none."""
        if len(self.test_ids) < 2:
            raise UserError("The run keeps no part for a test.", "Train with --test 0.1.")
        return self._part_batches(self.test_ids, streams, None)

    @property
    def has_streams_held_out(self) -> bool:  # type: ignore[override]
        return self._part_streams > 0

    def part_words(self, *, test: bool = False) -> str:
        return describe_part(self.config, self._part_streams, test=test)

    def _part_batches(self, ids: Array, streams: int, limit: int | None) -> Iterator[Batch]:
        if self._part_streams and len(ids):
            rows = ids.reshape(self._part_streams, -1)
            return matrix_batches(rows[:, :-1], rows[:, 1:])
        return self.batches_of(ids[: None if limit is None else limit + 1], streams)

    def batches_of(self, ids: Array, streams: int) -> Iterator[Batch]:
        """Yield batches over `ids` (N,) of this text or another one, in up to `streams` streams."""
        return stream_batches(ids, streams)

    def state(self) -> dict[str, Any]:
        return {"epoch": self._epoch, "place": self._position, "text": self.sha256}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue at the saved place; if it is a place in another text, the next batch begins an epoch."""
        self._epoch, self._position = int(state["epoch"]), int(state["place"])
        if self.has_training_data and state.get("text", self.sha256) != self.sha256:
            self._position = self._length

    def baselines(self) -> list[tuple[str, float]]:
        """The bigram entropy of the same split: counted on the training part, measured on what is evaluated."""
        if len(self.held_out_ids) < 2:
            return []
        return [("bigram", self.ngram(2))]

    def ngram(self, order: int) -> float:
        """Nats a character of the n-gram model of this order on what is evaluated, the better of plain and modified.

        Raises UserError if the model was never computed and the training text is not at hand.
        """
        if str(order) not in self._ngrams:
            if not self.has_training_data:
                raise UserError(
                    f"The {order}-gram model needs the training text, which is not at hand.",
                    "Put the text back where it was.",
                )
            training, held_out = self.training_ids[-_BASELINE_COUNTED:], self.held_out_ids[: MAX_EVALUATED_CHARS + 1]
            kinds = (False, True) if order > 2 else (False,)
            losses = [ngram.cross_entropy(training, held_out, self.outputs, order, modified=kind) for kind in kinds]
            self._ngrams[str(order)] = min(losses)
        return self._ngrams[str(order)]

    def encode(self, text: str) -> tuple[Array, tuple[str, ...]]:
        if self.unknown_id is None:
            return super().encode(text)
        symbols = set(self.vocabulary)
        text = self.in_known_form(text)
        return super().encode("".join(symbol if symbol in symbols else corpora.UNKNOWN for symbol in text))

    def encode_file(self, path: str, encoding: str | None = None) -> tuple[Array, tuple[str, ...]]:
        return corpora.encode_file(
            path,
            self.vocabulary,
            self.unknown_id,
            as_bytes=self.config.read_as_bytes,
            encoding=encoding,
            normal_form=self.config.normalize,
        )

    def feature_names(self) -> list[str]:
        return list(self._features)

    def feature(self, name: str, ids: Array) -> Array:
        return self._features[name](self.decode(ids))

    def feature_marks(self, name: str, ids: Array) -> tuple[Array, Array] | None:
        marks = marks_for(self.config.task, self.config.text).get(name)
        return None if marks is None else marks(self.decode(ids))


def read_text_of(config: RunConfig, name: str, max_vocabulary: int) -> corpora.EncodedText:
    """Return the text called `name`, or the file that `config` names, read as `config` says. Raises UserError."""
    return corpora.read(
        name,
        config.text,
        more=config.more_texts,
        between_files=BETWEEN_FILES.get(config.document or "none", ""),
        max_vocabulary=max_vocabulary,
        as_bytes=config.read_as_bytes,
        encoding=config.encoding,
        normal_form=config.normalize,
        passes=2 if config.document in (None, "none") else 3,  # its items are counted too
    )


def _unknown_id(data: TaskData) -> int | None:
    return None if data.values.get("unknown_id") is None else data.integer("unknown_id")


def stream_batches(ids: Array, streams: int) -> Iterator[Batch]:
    """Yield all of `ids` (N,) in at most `streams` equal streams of at least 64 characters, the first batch fresh.

    The characters that do not fill the last row of the streams (fewer than `streams`) are left out.
    """
    count = len(ids) - 1
    if count < 1:
        return
    B = min(streams, max(count // 64, 1))
    length = count // B
    yield from matrix_batches(ids[: B * length].reshape(B, length), ids[1 : B * length + 1].reshape(B, length))


def matrix_batches(inputs: Array, targets: Array) -> Iterator[Batch]:
    """Yield all time steps of the streams inputs and targets (B, length), the first batch from a zero state."""
    for begin in range(0, inputs.shape[1], _EVALUATION_LENGTH):
        span = slice(begin, begin + _EVALUATION_LENGTH)
        yield Batch(_time_first(inputs[:, span]), _time_first(targets[:, span]), resets_state=begin == 0)


def _time_first(ids: Array) -> Array:
    """(B, T) of any kind of integers as (T, B) int32."""
    return np.ascontiguousarray(ids.T, np.int32)

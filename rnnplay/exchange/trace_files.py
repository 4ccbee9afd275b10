"""Activations as data: files of NumPy, of comma-separated values, and of Parquet, written row after row.

Columns: `item` and `step` where there are items; `symbol` and `id`, or the numbers that are read (x1, x2, ...);
features; `surprise` in bits; then each unit's value after that symbol, h1.1 the first unit of the first layer.
"""

import csv
import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import numpy as np

from rnnplay.config import UserError
from rnnplay.exchange.tensor_file import Array
from rnnplay.lab.cells.trace_rows import TraceReader, TraceRows

ReportRows = Callable[[int], None]  # called with the number of rows that were written since the last call
_HEADER_BYTES = 512  # of an array in a file of NumPy, at most
_SAMPLED_ROWS = 500  # by which the size of comma-separated values is estimated
_GROUP_NUMBERS = 2**22  # of a row group of Parquet


def unit_names(reader: TraceReader, states: Sequence[str]) -> list[str]:
    """The column of each unit, counted from 1: h1.1, h1.2, ..."""
    a = reader.network.architecture
    return [
        f"{state}{layer}.{unit}"
        for state in states
        for layer in range(1, a.layers + 1)
        for unit in range(1, a.hidden + 1)
    ]


class _Columns:
    """The columns of a trace beside the units, by name."""

    def __init__(self, reader: TraceReader) -> None:
        self._reader = reader
        task = reader.task
        self.symbols = np.array(task.vocabulary) if task.inputs_are_ids else None

    def of(self, rows: TraceRows) -> dict[str, Array]:
        """{name: (n,)}."""
        columns: dict[str, Array] = {}
        if self._reader.has_items:
            columns |= {"item": rows.item, "step": rows.step}
        if self.symbols is not None:
            columns |= {"symbol": self.symbols[rows.inputs], "id": rows.inputs.astype(np.uint16)}
        else:
            columns |= {f"x{n + 1}": x.astype(np.float32) for n, x in enumerate(rows.inputs.T)}
        columns |= rows.features
        if self._reader.has_surprise:
            columns["surprise"] = rows.surprise
        return columns

    @property
    def row_bytes(self) -> int:
        """The size of a row in memory."""
        first = next(self._reader.rows(()))
        return sum(values.itemsize for values in self.of(first).values())


# ---------------------------------------------------------------------------------------------------------------- NumPy


def npz_bytes(reader: TraceReader, states: Sequence[str]) -> tuple[int, int]:
    """The size of the file of NumPy, and of the columns that are stored beside it while it is written."""
    columns = _Columns(reader).row_bytes * reader.size
    entries = 10 + len(states) + len(reader.task.feature_names())
    return reader.size * 2 * len(unit_names(reader, states)) + columns + entries * _HEADER_BYTES, columns


def write_npz(path: Path, reader: TraceReader, states: Sequence[str], report: ReportRows) -> None:
    """Write each state as an array (rows, layers, units) of float16, and each column as one. Raises OSError.

    The arrays of an archive stand one behind the other, so each further state is read by another pass.
    """
    a, columns = reader.network.architecture, _Columns(reader)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive, ExitStack() as stack:
        stored: dict[str, tuple[np.dtype[Any], IO[bytes]]] = {}
        for state in states:
            with archive.open(f"{state}.npy", "w", force_zip64=True) as member:
                _write_header(member, np.dtype(np.float16), (reader.size, a.layers, a.hidden))
                for rows in reader.rows([state]):
                    member.write(rows.states[state].tobytes())
                    if state == states[0]:
                        for name, values in columns.of(rows).items():
                            if name not in stored:
                                spool: Any = stack.enter_context(tempfile.TemporaryFile(dir=path.parent))
                                stored[name] = values.dtype, spool
                            stored[name][1].write(values.astype(stored[name][0]).tobytes())
                    report(len(rows.item))
        for name, (dtype, file) in stored.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                _write_header(member, dtype, (reader.size,))
                file.seek(0)
                while chunk := file.read(2**20):
                    member.write(chunk)


def _write_header(member: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(member, header)


# ----------------------------------------------------------------------------------------------- comma-separated values


def csv_bytes(reader: TraceReader, states: Sequence[str]) -> tuple[int, int]:
    """The size of the comma-separated values, estimated from the first rows; nothing is stored beside them."""
    count = size = 0
    lines = _csv_lines(reader, states)
    header = len(next(lines).encode())
    for text in lines:
        count, size = count + text.count("\n"), size + len(text.encode())
        if count >= _SAMPLED_ROWS:
            break
    return header + size * reader.size // max(1, min(count, reader.size)), 0


def write_csv(path: Path, reader: TraceReader, states: Sequence[str], report: ReportRows) -> None:
    """Write a line of names, then a line for each row, in UTF-8. Raises OSError."""
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        lines = _csv_lines(reader, states, report)
        for text in lines:
            file.write(text)


def _csv_lines(reader: TraceReader, states: Sequence[str], report: ReportRows = lambda count: None) -> Iterator[str]:
    """Yield the line of names, then the lines of some rows at a time."""
    columns = _Columns(reader)
    halves = np.array([f"{value:.5g}" for value in np.arange(2**16, dtype=np.uint16).view(np.float16).tolist()], object)
    names: list[str] = []
    for rows in reader.rows(states):
        count = len(rows.item)
        leading = columns.of(rows)
        if not names:
            names = [*leading, *unit_names(reader, states)]
            yield _csv_line(names)
        texts = [[_csv_field(value) for value in values.tolist()] for values in leading.values()]
        for state in states:
            texts += halves[rows.states[state].view(np.uint16).reshape(count, -1)].T.tolist()
        report(count)
        yield "\n".join(map(",".join, zip(*texts, strict=True))) + "\n"


def _csv_line(fields: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(fields)
    return line.getvalue()


def _csv_field(value: object) -> str:
    match value:
        case bool():
            return "1" if value else "0"
        case float():
            return "" if value != value else f"{value:.6g}"
        case str():
            return '"' + value.replace('"', '""') + '"'
        case _:
            return str(value)


# -------------------------------------------------------------------------------------------------------------- Parquet


def parquet_bytes(reader: TraceReader, states: Sequence[str]) -> tuple[int, int]:
    """The size of the rows before they are compressed, with what says where each column stands; nothing beside it."""
    names, groups = unit_names(reader, states), -(-reader.size // _group_rows(reader, states))
    return reader.size * (2 * len(names) + _Columns(reader).row_bytes) + 200 * groups * len(names), 0


def write_parquet(path: Path, reader: TraceReader, states: Sequence[str], report: ReportRows) -> None:
    """Write a column for each unit, in half floats. Raises OSError; UserError if pyarrow is missing."""
    arrow, parquet = import_parquet()
    columns, names = _Columns(reader), unit_names(reader, states)
    writer: Any = None
    waiting: list[dict[str, Array]] = []
    count = 0

    def flush() -> None:
        nonlocal writer, count
        arrays = {
            name: np.concatenate([part[name] for part in waiting]) if len(waiting) > 1 else waiting[0][name]
            for name in waiting[0]
        }
        table = arrow.table({name: arrow.array(np.ascontiguousarray(array)) for name, array in arrays.items()})
        if writer is None:
            writer = parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
        waiting.clear()
        count = 0

    try:
        for rows in reader.rows(states):
            size = len(rows.item)
            units = [unit for state in states for unit in rows.states[state].reshape(size, -1).T]
            waiting.append({**columns.of(rows), **dict(zip(names, units, strict=True))})
            count += size
            if count >= _group_rows(reader, states):
                flush()
            report(size)
        if waiting:
            flush()
    finally:
        if writer is not None:
            writer.close()


def _group_rows(reader: TraceReader, states: Sequence[str]) -> int:
    return max(1_024, _GROUP_NUMBERS // len(unit_names(reader, states)))


def import_parquet() -> tuple[Any, Any]:
    """pyarrow and its module for Parquet. Raises UserError if it is missing."""
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise UserError(
            "The package pyarrow is not installed.", "Install it (pip install pyarrow), or name a file .npz or .csv."
        ) from None


def remove_if_there(path: Path) -> None:
    """Remove a file that was not written to its end."""
    if os.path.lexists(path):
        os.unlink(path)

"""Network: every matrix by name, shape and count, its weights as a heatmap, its spectrum, how open the gates are."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from rnnplay import protocol
from rnnplay.tui.places.network import keys, paint_matrix, paint_spectrum
from rnnplay.tui.places.network.views import (
    ListView,
    MatrixView,
    SpectrumView,
    list_view,
    matrix_view,
    spectrum_view,
)
from rnnplay.tui.places.one_or_all import OneOrAllPanels
from rnnplay.tui.widgets.base import Panel
from rnnplay.tui.widgets.views import KeyHint, StatusView


class NetworkPlace(OneOrAllPanels):
    """The list on the left, the weights in the middle, the spectrum on the right; one at a time in a small terminal."""

    BINDINGS: ClassVar[list[BindingType]] = list(keys.KEYS)
    KEYS = keys.KEYS
    READING = keys.READING
    DEFAULT_CSS = """
    NetworkPlace #columns { layout: horizontal; height: 1fr; }
    NetworkPlace #matrices { width: 43; }
    NetworkPlace #matrix { width: 1fr; }
    NetworkPlace #spectrum { width: 34; }
    """

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.list_panel = Panel(ListView(empty=self.empty), paint_matrix.listed, paint_matrix.list_title, id="matrices")
        self.matrix_panel = Panel(MatrixView(empty=self.empty), paint_matrix.matrix, paint_matrix.title, id="matrix")
        self.spectrum_panel = Panel(SpectrumView(), paint_spectrum.spectrum, paint_spectrum.title, id="spectrum")
        self.order: tuple[Panel[Any], ...] = (self.matrix_panel, self.list_panel, self.spectrum_panel)
        self._forget()

    def _forget(self) -> None:
        self.parameter_list: protocol.NetworkDescribed | None = None
        self.chosen_matrix: protocol.MatrixShown | None = None
        self.matrix_name = ""  # of the chosen parameter
        self.gate = ""
        self.place = (0, 0)  # row and column under the cursor
        self.earlier_step: int | None = None

    def panels(self) -> list[Widget]:
        return [Container(self.list_panel, self.matrix_panel, self.spectrum_panel, id="columns")]

    # -------------------------------------------------------------------------------------------- questions, answers

    def ask(self) -> None:
        self.send_question(protocol.DescribeNetwork())
        if self.matrix_name:
            self._ask_matrix()

    def _ask_matrix(self) -> None:
        self.send_question(protocol.ShowMatrix(name=self.matrix_name, gate=self.gate, step=self.earlier_step))

    def show_answer(self, event: protocol.AnyEvent) -> None:
        match event:
            case protocol.NetworkDescribed():
                self.parameter_list = event
                if not self.matrix_name:  # the recurrent one tells most
                    names = [matrix.name for matrix in event.matrices]
                    self.matrix_name = next((name for name in names if name.endswith("W_hh")), names[0])
                    self._ask_matrix()
                self._show_list()
            case protocol.MatrixShown() if event.name == self.matrix_name:
                self.chosen_matrix, self.gate = event, event.gate
                rows, columns = event.now.values.shape
                self.place = min(self.place[0], rows - 1), min(self.place[1], columns - 1)
                self._show_matrix()
                self.spectrum_panel.view = spectrum_view(event, self.session.generation)
            case _:
                pass

    def _show_list(self) -> None:
        if self.parameter_list is not None:
            self.list_panel.view = list_view(self.parameter_list, self._row(), self.session.generation)

    def _row(self) -> int:
        """Return the place of the chosen matrix in the list."""
        assert self.parameter_list is not None
        return [matrix.name for matrix in self.parameter_list.matrices].index(self.matrix_name)

    def _show_matrix(self) -> None:
        if self.chosen_matrix is not None:
            self.matrix_panel.view = matrix_view(self.chosen_matrix, self.place, self.session.generation)

    def reset_run(self) -> None:
        super().reset_run()
        self._forget()
        generation = self.session.generation
        self.list_panel.view = ListView(empty=self.empty, generation=generation)
        self.matrix_panel.view = MatrixView(empty=self.empty, generation=generation)
        self.spectrum_panel.view = SpectrumView(generation=generation)

    def repaint_topics(self, topics: set[str]) -> None:
        """Answers are painted as they come; what is said until then depends on the run."""
        if "run" in topics and self.parameter_list is None:
            self.list_panel.view = ListView(empty=self.empty, generation=self.session.generation)
            self.matrix_panel.view = MatrixView(empty=self.empty, generation=self.session.generation)

    def status_view(self) -> StatusView:
        if self.parameter_list is None:
            return StatusView(self.list_panel.view.empty)
        step = f"{self.parameter_list.step:,}"
        if self.earlier_step is not None:
            is_best = self.parameter_list.best_step == self.earlier_step
            best = ", of the best evaluation" if is_best else ""
            return StatusView(f"After {step} steps; below it as it was at step {self.earlier_step:,}{best}.")
        return StatusView(f"After {step} steps: {self.parameter_list.parameters:,} parameters.")

    def key_hints(self) -> tuple[KeyHint, ...]:
        return keys.key_hints(
            loaded=self.parameter_list is not None,
            recurrent=self.chosen_matrix is not None and len(self.chosen_matrix.gates) > 1,
            has_earlier=self.parameter_list is not None and bool(self.parameter_list.earlier),
        )

    # ---------------------------------------------------------------------------------------------------------- layout

    def place_panels(self, width: int, height: int) -> None:
        alone = self.show_one_or_all(width, height)
        for panel in self.order:
            panel.styles.width = "1fr" if alone is not None else None

    # ------------------------------------------------------------------------------------------------------------ keys

    def action_walk(self, down: int, right: int) -> None:
        """Move to another weight."""
        self.action_weight(self.place[0] + down, self.place[1] + right)

    def action_weight(self, row: int, column: int) -> None:
        """Move to the weight in `row` and `column`, or the nearest."""
        if self.chosen_matrix is not None:
            rows, columns = self.chosen_matrix.now.values.shape
            self.place = max(0, min(row, rows - 1)), max(0, min(column, columns - 1))
            self._show_matrix()

    def action_matrix(self, by: int) -> None:
        """Show another matrix."""
        if self.parameter_list is not None:
            self.action_choose(self._row() + by)

    def action_choose(self, number: int) -> None:
        """Show the matrix `number` of the list, or the nearest."""
        if self.parameter_list is not None:
            matrices = self.parameter_list.matrices
            self.matrix_name = matrices[max(0, min(number, len(matrices) - 1))].name
            self.gate = ""
            self._show_list()
            self._ask_again()

    def action_gate(self) -> None:
        """Show the next gate of a recurrent matrix: its eigenvalues, and its first row."""
        if self.chosen_matrix is not None and len(self.chosen_matrix.gates) > 1:
            gates = self.chosen_matrix.gates
            at = (gates.index(self.gate) + 1) % len(gates)
            self.gate = gates[at]
            self.place = at * (self.chosen_matrix.now.values.shape[0] // len(gates)), self.place[1]
            self._show_matrix()
            self._ask_again()

    def action_earlier(self, by: int) -> None:
        """Show an earlier checkpoint beside the matrix; after the last one the matrix alone."""
        steps: list[int | None] = [] if self.parameter_list is None else [*self.parameter_list.earlier, None]
        if steps:
            at = steps.index(self.earlier_step) if self.earlier_step in steps else len(steps) - 1
            self.earlier_step = steps[max(0, min(at + by, len(steps) - 1))]
            self._ask_again()

    def _ask_again(self) -> None:
        if not self.load_if_stopped() and self.session.has_trainer and self.session.facts is not None:
            self._ask_matrix()
        self.update_bars()

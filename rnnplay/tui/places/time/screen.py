"""Time: how far back the gradient reaches, beside other networks; one unit's weight; which past mattered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from rnnplay import protocol
from rnnplay.tui.places.one_or_all import OneOrAllPanels
from rnnplay.tui.places.time import keys, paint_gradient, paint_influence
from rnnplay.tui.places.time.views import (
    LagsView,
    OneUnitView,
    PastView,
    gradient_view,
    influence_view,
    one_unit_view,
    swaps_view,
)
from rnnplay.tui.widgets.base import Panel
from rnnplay.tui.widgets.views import KeyHint, StatusView

LAGS = (20, 50, 100, 200, 500)
COMPARED = ("fresh", "trained", "")
COMPARED_WORDS = {"fresh": "untrained networks", "trained": "trained networks of this task", "": "nothing"}


class TimePlace(OneOrAllPanels):
    """The gradient by lag above, the demonstration and the text below; one at a time where the terminal is small."""

    BINDINGS: ClassVar[list[BindingType]] = list(keys.KEYS)
    KEYS = keys.KEYS
    READING = keys.READING
    DEFAULT_CSS = """
    TimePlace #lags { height: 3fr; }
    TimePlace #below { layout: horizontal; height: 2fr; }
    TimePlace #unit { width: 5fr; }
    TimePlace #past { width: 6fr; }
    """

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.gradient_panel = Panel(LagsView(empty=self.empty), paint_gradient.lags, paint_gradient.title, id="lags")
        self.unit_panel = Panel(OneUnitView(), paint_gradient.one_unit, paint_gradient.one_unit_title, id="unit")
        self.influence_panel = Panel(PastView(empty=self.empty), paint_influence.past, paint_influence.title, id="past")
        self.order: tuple[Panel[Any], ...] = (self.gradient_panel, self.unit_panel, self.influence_panel)
        self.lags = 2  # place in LAGS
        self.compared = 0  # place in COMPARED
        self.weight = 10  # place among the weights that were sent
        self.weights: protocol.OneUnitComputed | None = None
        self.position: int | None = None
        self.by_gradient = False  # which past mattered: by the gradient, not by swapping symbols

    def panels(self) -> list[Widget]:
        return [self.gradient_panel, Container(self.unit_panel, self.influence_panel, id="below")]

    # -------------------------------------------------------------------------------------------- questions, answers

    def ask(self) -> None:
        compared = COMPARED[self.compared]
        runs = self._others() if compared == "trained" else ()
        self.send_question(
            protocol.ComputeGradientByLag(lags=LAGS[self.lags], untrained=compared == "fresh", runs=runs)
        )
        if self.weights is None:
            self.send_question(protocol.ComputeOneUnit())
        self.ask_influence()

    def ask_influence(self) -> None:
        """Ask which past mattered for the prediction at `position`."""
        if self.session.facts is not None:
            example = None if self.session.facts.held_out > 1 else 0
            kind = protocol.ComputeInfluence if self.by_gradient else protocol.ComputeSwaps
            self.send_question(kind(example=example, position=self.position))

    def _others(self) -> tuple[str, ...]:
        """Return the newest trained run of the same task and size for each other kind of cell."""
        from pathlib import Path

        from rnnplay import runs

        own, run = self.session.config, self.session.run
        if own is None or run is None:
            return ()
        newest: dict[str, str] = {}
        for info in runs.list_runs(Path(run).parent):
            same = info.task == own.task and info.hidden == own.hidden and info.layers == own.layers
            if same and Path(info.path) != Path(run) and info.cell != own.cell and info.step:
                newest.setdefault(info.cell, info.path)
        return tuple(newest.values())

    def show_answer(self, event: protocol.AnyEvent) -> None:
        match event:
            case protocol.GradientByLagComputed():
                self.gradient_panel.view = gradient_view(event, self.session.generation)
            case protocol.OneUnitComputed():
                self.weights = event
                self._show_unit()
            case protocol.InfluenceComputed() if self.by_gradient:
                self.influence_panel.view = influence_view(event, self.session.generation)
                self.position = event.position
            case protocol.SwapsComputed(unavailable="") if not self.by_gradient:
                before = self.influence_panel.view
                view = swaps_view(event, self.session.generation)
                self.influence_panel.view = replace(view, cursor=min(before.cursor, max(0, len(view.swaps) - 1)))
                self.position = event.position
            case protocol.SwapsComputed() if not self.by_gradient:  # its inputs are numbers
                self.action_past_view()
            case _:
                pass

    def _show_unit(self) -> None:
        if self.weights is not None:
            self.weight = max(0, min(self.weight, len(self.weights.weights) - 1))
            self.unit_panel.view = one_unit_view(self.weights, self.weight, self.session.generation)

    def reset_run(self) -> None:
        super().reset_run()
        self.position = self.weights = None
        self.by_gradient = False
        self.unit_panel.view = OneUnitView(generation=self.session.generation)
        self.gradient_panel.view = LagsView(empty=self.empty, generation=self.session.generation)
        self.influence_panel.view = PastView(empty=self.empty, generation=self.session.generation)

    def repaint_topics(self, topics: set[str]) -> None:
        """Answers are painted as they come; what is said until then depends on the run."""
        if "run" in topics and not self.gradient_panel.view.networks:
            self.gradient_panel.view = LagsView(empty=self.empty, generation=self.session.generation)
            self.influence_panel.view = PastView(empty=self.empty, generation=self.session.generation)

    def status_view(self) -> StatusView:
        view = self.gradient_panel.view
        if not view.networks:
            return StatusView(view.empty)
        compared = f"beside it {COMPARED_WORDS[COMPARED[self.compared]]}"
        if COMPARED[self.compared] == "trained" and len(view.networks) == 1:
            compared = "no other cell of this size was trained on this task"
        return StatusView(f"After {view.step:,} steps, over {len(view.networks[0].norms) - 1} lags; {compared}.")

    def key_hints(self) -> tuple[KeyHint, ...]:
        return keys.key_hints(loaded=bool(self.gradient_panel.view.networks), swaps=self._chooses_swaps)

    # ---------------------------------------------------------------------------------------------------------- layout

    def place_panels(self, width: int, height: int) -> None:
        alone = self.show_one_or_all(width, height)
        self.query_one("#below").display = alone in (None, "unit", "past")
        for lower in self.order[1:]:
            lower.styles.width = "1fr" if alone is not None else None
        self.query_one("#below").styles.height = "1fr" if alone is not None else None

    # ------------------------------------------------------------------------------------------------------------ keys

    def action_turn(self, by: int) -> None:
        """Turn the one unit's weight; in the list of swaps, go to the one above or below."""
        if self._chooses_swaps:
            self.action_swap_at(self.influence_panel.view.cursor - by)
        else:
            self.weight += by
            self._show_unit()

    @property
    def _chooses_swaps(self) -> bool:
        """Return whether up and down go through the swaps."""
        return self.focused is self.influence_panel and bool(self.influence_panel.view.swaps)

    def action_swap_at(self, number: int) -> None:
        """Choose one of the strongest places."""
        view = self.influence_panel.view
        self.influence_panel.view = replace(view, cursor=max(0, min(number, len(view.swaps) - 1)))

    def action_swap(self) -> None:
        """Carry out the chosen swap, and take it back."""
        view = self.influence_panel.view
        if view.swaps:
            self.influence_panel.view = replace(view, is_swapped=not view.is_swapped)

    def action_past_view(self) -> None:
        """Show which past mattered by swapping symbols, or by the gradient."""
        self.by_gradient = not self.by_gradient
        if not self.load_if_stopped():
            self.ask_influence()
        self.update_bars()

    def action_move_past(self, by: int) -> None:
        """Go to another prediction in the text."""
        view = self.influence_panel.view
        if view.symbols:
            self.position = max(0, min((self.position or 0) + by, view.total - 1))
            self.ask_influence()

    def action_past_at(self, position: int) -> None:
        """A symbol was clicked."""
        self.position = max(0, position)
        self.ask_influence()

    def action_lags(self, by: int) -> None:
        """Fewer lags, and more."""
        self.lags = max(0, min(self.lags + by, len(LAGS) - 1))
        self._ask_again()

    def action_compare(self) -> None:
        """Beside it: untrained networks, trained ones of this task, or none."""
        self.compared = (self.compared + 1) % len(COMPARED)
        self._ask_again()

    def _ask_again(self) -> None:
        if not self.load_if_stopped():
            self._request()
        self.update_bars()

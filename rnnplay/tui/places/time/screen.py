"""Time: how far back the gradient reaches, beside other networks; one unit's weight; which past mattered."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from rnnplay import protocol as say
from rnnplay.tui.places.base import LOADING, NOTHING, Looking
from rnnplay.tui.places.time import keys, views
from rnnplay.tui.places.time.panels import LagsPanel, OneUnitPanel, PastPanel
from rnnplay.tui.places.time.views import LagsView, OneUnitView, PastView
from rnnplay.tui.widgets.base import TALL, WIDE, Panel
from rnnplay.tui.widgets.views import KeyHint, StatusView

LAGS = (20, 50, 100, 200, 500)
BESIDE = ("fresh", "trained", "")
_BESIDE_WORDS = {"fresh": "untrained networks", "trained": "trained networks of this task", "": "nothing"}


class Time(Looking):
    """The gradient by lag above, the demonstration and the text below; one at a time where the terminal is small."""

    BINDINGS: ClassVar[list[BindingType]] = list(keys.KEYS)
    KEYS = keys.KEYS
    READING = keys.READING
    CSS = (
        Looking.CSS
        + """
    Time #lags { height: 3fr; }
    Time #below { layout: horizontal; height: 2fr; }
    Time #unit { width: 5fr; }
    Time #past { width: 6fr; }
    """
    )

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.lags_panel = LagsPanel(LagsView(empty=NOTHING), id="lags")
        self.unit_panel = OneUnitPanel(OneUnitView(), id="unit")
        self.past_panel = PastPanel(PastView(empty=NOTHING), id="past")
        self.order: tuple[Panel[Any], ...] = (self.lags_panel, self.unit_panel, self.past_panel)
        self.lags = 2  # place in LAGS
        self.beside = 0
        self.weight = 10  # place among the weights that were told
        self.position: int | None = None
        self.tab = 0

    def panels(self) -> list[Widget]:
        return [self.lags_panel, Container(self.unit_panel, self.past_panel, id="below")]

    # -------------------------------------------------------------------------------------------- questions, answers

    def begin(self) -> None:
        if not self.lags_panel.view.networks:
            empty = LOADING if self.session.run is not None or self.session.has_trainer else NOTHING
            self.lags_panel.view = LagsView(empty=empty)
            self.past_panel.view = PastView(empty=empty)
        super().begin()
        self.order[self.tab].focus()

    def ask(self) -> None:
        beside = BESIDE[self.beside]
        runs = self._others() if beside == "trained" else ()
        self.send(
            say.ComputeGradientByLag(lags=LAGS[self.lags], beside="fresh" if beside == "fresh" else "", runs=runs)
        )
        if "OneUnitComputed" not in self.answers:
            self.send(say.ComputeOneUnit())
        self.ask_past()

    def ask_past(self) -> None:
        text = self.session.facts is not None and self.session.facts.held_out > 1
        self.send(say.ComputeInfluence(example=None if text else 0, position=self.position))

    def _others(self) -> tuple[str, ...]:
        """The newest trained run of the same task and size for each other kind of cell."""
        from pathlib import Path

        from rnnplay import runs

        own, run = self.session.config, self.session.run
        if own is None or run is None:
            return ()
        found: dict[str, str] = {}
        for info in runs.list_runs(Path(run).parent):
            same = info.task == own.task and info.hidden == own.hidden and info.layers == own.layers
            if same and Path(info.path) != Path(run) and info.cell != own.cell and info.step:
                found.setdefault(info.cell, info.path)
        return tuple(found.values())

    def paint(self, event: say.AnyEvent) -> None:
        match event:
            case say.GradientByLagComputed():
                self.lags_panel.view = views.lags(event)
            case say.OneUnitComputed():
                self._paint_unit()
            case say.InfluenceComputed():
                self.past_panel.view = views.past(event)
                self.position = event.position
            case _:
                pass

    def _paint_unit(self) -> None:
        event = self.answers.get("OneUnitComputed")
        if isinstance(event, say.OneUnitComputed):
            self.weight = max(0, min(self.weight, len(event.weights) - 1))
            self.unit_panel.view = views.one_unit(event, self.weight)

    def forget(self) -> None:
        self.position = None
        self.lags_panel.view = LagsView(empty=LOADING)
        self.past_panel.view = PastView(empty=LOADING)

    def words(self) -> StatusView:
        view = self.lags_panel.view
        if not view.networks:
            return StatusView(view.empty)
        beside = _BESIDE_WORDS[BESIDE[self.beside]]
        return StatusView(f"After {view.step:,} steps, over {LAGS[self.lags]} lags; beside it {beside}.")

    def hints(self) -> tuple[KeyHint, ...]:
        return keys.key_hints(loaded=bool(self.lags_panel.view.networks))

    # --------------------------------------------------------------------------------------------------------- layout

    def place_panels(self, width: int, height: int) -> None:
        tabbed = width < WIDE or height < TALL
        alone = self.full if self.full is not None else self.order[self.tab].id if tabbed else None
        for panel in self.order:
            panel.display = alone is None or panel.id == alone
            panel.fills_screen = panel.id == self.full
        self.query_one("#below").display = alone in (None, "unit", "past")
        for lower in self.order[1:]:
            lower.styles.width = "1fr" if alone is not None else None
        self.query_one("#below").styles.height = "1fr" if alone is not None else None

    # ----------------------------------------------------------------------------------------------------------- keys

    def action_next_panel(self) -> None:
        self.tab = (self.tab + 1) % len(self.order)
        self.full = None
        self.lay_out(*self.size)
        self.order[self.tab].focus()

    def action_turn(self, by: int) -> None:
        self.weight += by
        self._paint_unit()

    def action_move_past(self, by: int) -> None:
        view = self.past_panel.view
        if view.symbols:
            self.position = max(0, min((self.position or 0) + by, view.total - 1))
            self.ask_past()

    def action_past_at(self, position: int) -> None:
        self.position = max(0, position)
        self.ask_past()

    def action_lags(self, by: int) -> None:
        self.lags = max(0, min(self.lags + by, len(LAGS) - 1))
        self.ask_anew()
        self.paint_words()

    def action_compare(self) -> None:
        self.beside = (self.beside + 1) % len(BESIDE)
        self.ask_anew()
        self.paint_words()

"""A sentence agrees with what stands beside it: with the measurement, its step, its bounds, and its whole length."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from made_up_play import TEXT, facts, palette_of, plain, started, status, trace
from scripted_trainer import STEP, unrolled_example
from test_labels import found_units
from test_looking_paint import part, view

from rnnplay import protocol
from rnnplay.engine import Architecture
from rnnplay.lab.cells.unit_scores import convincing
from rnnplay.lab.time import judge_gradient
from rnnplay.lab.time import sentence as gradient_sentence
from rnnplay.tui.paint.numbers import percent
from rnnplay.tui.places.cells.paint_find import finding_title, proof
from rnnplay.tui.places.cells.panels import cursor_row
from rnnplay.tui.places.cells.views import CursorView, FindingView, ProofView, cursor_view, find_view
from rnnplay.tui.places.play.loss_words import unsureness
from rnnplay.tui.places.time.paint_gradient import lags, one_unit
from rnnplay.tui.places.time.screen import COMPARED, TimePlace
from rnnplay.tui.places.time.views import LagsView, OneUnitView, ReachView
from rnnplay.tui.places.unroll.paint_grid import at_stake, grid, loss_words, output_places
from rnnplay.tui.places.unroll.screen import UnrollPlace
from rnnplay.tui.places.unroll.views import OutputsView, unroll_view
from rnnplay.tui.places.views import explained_rows, heatmap_view
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.widgets.paint_heatmap import heatmap, title
from rnnplay.tui.widgets.views import CellsView, Direction, ExplainedRow
from rnnplay.verdicts import Dependency, RadiusReason

PALETTE = palette_of("truecolor")
DIRECTION = Direction("column", 1, "r 0.7", (4, 2))  # of all units of a layer together


@pytest.fixture
async def session() -> RunSession:
    session = RunSession(lambda kind, **fields: None)
    session.handle_event(started())
    return session


@pytest.mark.parametrize("rolled", [0.2, 0.6, 0.9, 0.97, 0.999, 1.0])
@pytest.mark.parametrize("says_nothing", ["", "rolling says nothing"])
async def test_a_title_says_that_a_unit_follows_a_feature_where_find_says_so(
    session: RunSession, rolled: float, says_nothing: str
) -> None:
    for measure in ("AUC", "rank correlation"):
        for strength in np.linspace(0.5, 1.0, 41).tolist():
            clear = convincing(strength, None if says_nothing else rolled, 0.55, measure == "AUC")
            unit = protocol.ScoredUnit(layer=0, unit=2, state="h", value=strength, strength=strength, sign=1)
            session.cells.finding = msgspec.structs.replace(
                found_units(measure), units=(unit,), rolled_control=rolled, untrained=0.55,
                rolled_says_nothing=says_nothing, convincing=clear,
            )  # fmt: skip
            session.cells.trace = trace(step=9)
            session.selection.layer, session.selection.unit = 0, 2
            expected = f'follows "column" · {measure} {strength:.2f}' if clear else ""
            assert heatmap_view(session, "").follows == expected


async def test_what_was_measured_at_another_step_says_at_which(session: RunSession) -> None:
    session.cells.finding = msgspec.structs.replace(found_units("AUC"), step=1_200, untrained=0.55)
    session.selection.layer, session.selection.unit = 0, 2
    for step, words in ((1_200, ""), (1_300, ""), (64, " at step 1,200"), (9_000, " at step 1,200")):
        session.cells.trace = trace(step=step)
        assert heatmap_view(session, "").follows == f'follows "column" · AUC 0.80{words}'
    title = "".join(text for text, _ in finding_title(find_view(session), PALETTE))
    assert title == "Find · column · AUC · step 1,200"


def test_a_value_that_is_cut_off_at_the_scale_is_said_to_be_beyond_it() -> None:
    values = np.array([[[0, 127, 254, 253]]], np.uint8)
    for scale, expected in ((2.5, ("≤-2.50", "+0.00", "≥+2.50", "+2.48")), (1.0, ("-1.00", "+0.00", "+1.00", "+0.99"))):
        for at, words in enumerate(expected):
            shown = CellsView(tuple("abcd"), values, scale, cursor=at, state="c")
            assert f"{words} " in plain(heatmap(shown, 110, 20, PALETTE))[-1].replace("”", "” ")
            value = (int(values[0, 0, at]) - 127) / 127 * scale
            assert plain([cursor_row(CursorView("x", value, scale=scale), 40, PALETTE)])[0].split() == ["x", words]


def test_a_unit_is_said_to_be_saturated_only_where_its_state_has_a_bound() -> None:
    values = np.array([[[254] * 3 + [127], [127] * 4]], np.uint8)
    shown = CellsView(tuple("abcd"), values, 1.0, total=4)

    def rows_of(view: CellsView) -> list[list[str]]:
        return [row.split() for row in plain(heatmap(view, 110, 20, PALETTE, full=True))]

    assert rows_of(shown)[1] == ["1", "+0.75", "0.43", "75", "%"]
    assert rows_of(replace(shown, state="f"))[1] == ["1", "+0.75", "0.43", "100", "%"]  # open or shut, never between
    for unbounded in (replace(shown, state="c"), replace(shown, scale=3.0)):
        assert rows_of(unbounded)[0][-1] == "spread" and rows_of(unbounded)[1][0] == "1"
    along = replace(shown, values=values[:, :1], direction=DIRECTION)
    assert [row[-1] for row in rows_of(along)[:3]] == [
        "by",
        "2.5",
        "2.3",
    ]  # the sum is no unit 1


@pytest.mark.parametrize("name", ["characters", "words", "bytes", "time steps"])
async def test_the_place_in_the_text_counts_what_a_time_step_reads(session: RunSession, name: str) -> None:
    session.facts = facts(step_unit=name)
    session.cells.trace, session.selection.cursor = trace(start=200), None
    row = plain(heatmap(heatmap_view(session, ""), 110, 20, PALETTE))[-1]
    assert f" {name} 201 to {200 + len(TEXT):,} of 5,000" in row


@pytest.mark.parametrize(("width", "height"), [(76, 18), (56, 12), (116, 20)])
def test_the_longest_sentence_on_the_gradient_is_said_whole(width: int, height: int) -> None:
    norms = 0.5 ** np.arange(31.0)
    network = Architecture(cell="lstm", inputs=4, hidden=4, outputs=4)
    judged = replace(judge_gradient(norms, 1.25, None, network, 30, 30), reason=RadiusReason.VARIES)
    sentence = gradient_sentence("RNN sigmoid", judged, Dependency.HARDLY_LEARNED)
    note = "The sequences of this task have 30 time steps."
    view = LagsView((ReachView("LSTM", True, norms, 1.25, 7, "vanishes", "J", 0.5, 29),), 29, 0, sentence, note)
    painted = plain(lags(view, width, height, PALETTE))
    assert len(painted) == height
    assert f"{sentence} {note}" in " ".join(" ".join(painted).split())


async def test_unroll_says_after_which_step_its_numbers_were_computed(session: RunSession) -> None:
    place = UnrollPlace(session, RunDrafts("prose"), PALETTE)
    session.status = status(step=900)  # training has gone on since the answer
    place.panel.view = unroll_view(unrolled_example(protocol.Unroll(example=0)), place.view, "hello", 1)
    assert f"after {STEP} steps" in place.status_view().text
    place.edits = [protocol.GradientStep(rate=0.1)]
    assert place.status_view().remedy.startswith("1 change on a copy")


async def test_time_says_where_there_is_no_trained_network_to_set_beside_it(session: RunSession) -> None:
    place = TimePlace(session, RunDrafts("prose"), PALETTE)
    one = ReachView("LSTM", True, np.ones(9), 1.0, None, "steady")
    place.compared = COMPARED.index("trained")
    for networks, words in (((one,), "no other cell of this size was trained"), ((one, one), "beside it trained")):
        place.gradient_panel.view = LagsView(networks, 3, 9)
        assert words in place.status_view().text


@pytest.mark.parametrize("cells", [4, 6])
def test_a_loss_is_never_cut_to_another_number(cells: int) -> None:
    assert loss_words(1.38629, cells) == {4: "1.39", 6: "1.3863"}[cells]
    for value in (0.0, 0.5, 9.99951, 12.3456, 999.96, 12_345.6, 1_234_567.8, 9.9e12):
        words = loss_words(value, cells)
        assert len(words) <= cells
        number, thousands = (words[:-1], "kMGT".index(words[-1]) + 1) if words[-1].isalpha() else (words, 0)
        assert float(number) * 1000**thousands == pytest.approx(value, rel=0.05, abs=0.005)
    assert loss_words(1e300, cells) == "huge"


def test_of_many_changes_the_last_stand_there_whole() -> None:
    changed = ("h 1.2 at 3 = -0.1468", "input 2 = 'x'", "one update, rate 0.1")
    for width in range(60, 160, 9):
        last = plain(grid(view(changed=changed, loss=1.3796), width, 20, PALETTE))[-1].strip()
        words = last.partition("changed ")[2]
        before = int(words.split()[0]) if " before; " in words else 0
        rest = words.partition(" before; ")[2] if before else words
        assert rest == "; ".join(changed[before:])


def test_of_the_powers_of_a_weight_as_many_are_written_as_fit_whole() -> None:
    norms = 1.5 ** np.arange(41.0)
    for width in range(30, 90, 7):
        words = plain(one_unit(OneUnitView(1.5, norms), width, 14, PALETTE))[-1].split()
        for power, number in zip(words[::2], words[1::2], strict=True):
            assert float(number) == pytest.approx(norms[int(power[2:])], rel=0.06)


def test_the_title_of_a_text_coloured_by_surprise_names_no_unit_and_no_state() -> None:
    shown = CellsView(tuple("abcd"), np.zeros((2, 6, 4), np.uint8), by_surprise=True, step=77, follows='follows "x"')
    assert "".join(text for text, _ in title(shown, PALETTE)) == "3 Cells · surprise · step 77"


def test_what_a_proof_and_the_census_say_is_as_of_a_step() -> None:
    told = ProofView(unit="layer 1 unit 2", to="zero", others=(0.1,), sentence="It costs 0.1.", step=1_680)
    assert "Step 1,680: It costs 0.1." in " ".join(plain(proof(told, 38, 12, PALETTE)))
    told = replace(told, sentence="It costs as much as this. " * 9)
    assert "Step 1,680: 0 of 1 others" in " ".join(" ".join(plain(proof(told, 38, 6, PALETTE))).split())
    row = ExplainedRow(0, 1, "h", "vowel", 0.9, True, True)
    heading = "".join(text for text, _ in finding_title(FindingView(explained=(row,), step=390), PALETTE))
    assert heading == "Find · what units follow · step 390"
    for step, words in ((390, "follows, step 390"), (1_234_567, "step 1,234,567")):
        beside = CellsView(tuple("abcd"), np.zeros((1, 2, 4), np.uint8), explained=(row,), explained_step=step)
        assert plain(heatmap(beside, 90, 9, PALETTE))[0].split("unit ")[1].split() == [*words.split(), "score"]


async def test_under_the_cursor_stands_the_value_that_colours_the_text(session: RunSession) -> None:
    text = CellsView(tuple(TEXT), np.full((1, 1, len(TEXT)), 190, np.uint8), 2.5, direction=DIRECTION)
    session.cells.trace, session.selection.cursor = trace(), 7
    assert cursor_view(session, text).value == pytest.approx((190 - 127) / 127 * 2.5)


async def test_a_listed_score_is_an_auc_mirrored_or_a_correlation_with_its_sign(session: RunSession) -> None:
    growth = ((1, 0.55), (64, 0.7), (512, 0.9))

    def told(name: str, measure: str, value: float, strength: float) -> protocol.FeatureExplained:
        unit = protocol.ScoredUnit(layer=1, unit=4, state="c", value=value, strength=strength, sign=-1)
        return protocol.FeatureExplained(
            feature=name, measure=measure, unit=unit, rolled_control=0.5, untrained=0.5, surprise=0.4, convincing=True,
            knowledge="one unit", layer=0, layer_state="h", together=0.9, together_untrained=0.6, carriers=(1,),
            weights=None, offset=0.0, growth=growth, sentence="One does.",
        )  # fmt: skip

    low, falling = told("vowel", "AUC", 0.12, 0.88), told("column", "rank correlation", -0.7, 0.7)
    session.cells.census = protocol.Census(step=512, characters=900, features=(low, falling))
    shown = [(row.layer, row.unit, row.state, row.score, row.growth) for row in explained_rows(session.cells)]
    strengths = (0.55, 0.7, 0.9)
    assert shown == [(1, 4, "c", 0.88, strengths), (1, 4, "c", -0.7, strengths)]


async def test_a_loss_is_put_into_words_as_it_was_evaluated_last(session: RunSession) -> None:
    for step, loss in ((0, 3.4), (100, 2.0), (200, 1.5)):
        session.handle_event(protocol.Evaluated(step=step, loss=loss))
    assert unsureness(session).startswith(f"1.50 nats = {1.5 / np.log(2):.2f} bits: as unsure as choosing among 4.5 ")


def test_the_rows_of_outputs_are_of_the_target_at_the_cursor_and_of_what_is_likeliest_there() -> None:
    """Of ten outputs two have room: those of the next time step that has a target, else of the last."""
    T, V = 6, 10
    values = np.random.default_rng(2).dirichlet(np.ones(V), T)
    names = tuple("abcdefghij")
    outputs = OutputsView(tuple(range(V)), names, V, values, values[0], values, values, "softmax")
    targets = (None, "c", None, "h", "e", None)
    chances = tuple(None if name is None else float(values[t, names.index(name)]) for t, name in enumerate(targets))
    one = replace(part(T), outputs=outputs, targets=targets, target_probabilities=chances)
    for at, asked in enumerate((1, 1, 3, 3, 4, 4)):
        target = names.index(str(targets[asked]))
        shown = view(one, time=at)
        assert at_stake(shown, outputs) == [target, int(values[asked].argmax())]
        assert {target, int(values[asked].argmax())} <= set(output_places(shown, outputs, 3))
    known = [p for p in chances if p is not None]
    last = plain(grid(view(one), 100, 24, PALETTE))[-1]
    assert f"targets on average {percent(sum(known) / 3)}" in last

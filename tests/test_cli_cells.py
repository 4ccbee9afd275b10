"""rnnplay cells, ablate and sample --clamp on the gallery: real processes, their output, their refusals."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

QUOTES = "gallery/quotes"
INSIDE = ("--pattern", "inside quotes", "--characters", "3000")


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rnnplay", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A text of which the network knows no character."""
    path = tmp_path_factory.mktemp("texts") / "unknown.txt"
    path.write_text("☃☃☃☃☃☃")
    return str(path)


def test_as_json_the_best_unit_comes_first_with_its_auc_and_sign_beside_the_controls() -> None:
    found = json.loads(call("cells", QUOTES, *INSIDE, "--json").stdout)
    best = found["units"][0]
    assert {"layer", "unit", "state", "auc", "sign"} == set(best)
    assert best["auc"] == max(unit["auc"] for unit in found["units"]) >= 0.95
    assert min(unit["auc"] for unit in found["units"]) >= 0.5
    assert {unit["sign"] for unit in found["units"]} == {1, -1}
    assert set(found["controls"]) == {"rolled", "untrained"}
    assert max(found["controls"].values()) < 0.8
    assert len(found["units"]) == 2 * 128


def test_a_census_names_the_quote_cell_that_cells_finds_and_prints_the_same_numbers() -> None:
    census = json.loads(call("census", QUOTES, "--json").stdout)
    quotes = next(feature for feature in census["features"] if feature["feature"] == "inside quotes")
    found = json.loads(call("cells", QUOTES, "--pattern", "inside quotes", "--characters", "5000", "--json").stdout)
    best = found["units"][0]
    assert {name: quotes[name] for name in ("layer", "unit", "state", "sign")} == {
        name: best[name] for name in ("layer", "unit", "state", "sign")
    }
    assert quotes["score"] == pytest.approx(best["auc"], abs=0.002)
    assert quotes["controls"]["untrained"] == pytest.approx(found["controls"]["untrained"], abs=0.05)
    assert f"best unit 1.{best['unit']} c {quotes['score']:.2f}: one unit knows it." in quotes["sentence"]
    assert [step for step, _ in quotes["growth"]] == sorted(step for step, _ in quotes["growth"])
    assert quotes["growth"][-1] == [census["step"], quotes["score"]]


def test_a_unit_that_is_asked_for_is_listed_with_its_place_and_pictured(tmp_path: Path) -> None:
    vowels = ("--pattern", "[aeiou]")
    found = json.loads(call("cells", QUOTES, *vowels, "--json").stdout)
    last = found["units"][-1]
    picture = tmp_path / "unit.svg"
    told = call("cells", QUOTES, *vowels, "--unit", f"{last['layer']}.{last['unit']}", "--svg", str(picture))
    rows = [line.split() for line in told.stdout.splitlines()]
    row = next(row for row in rows if row[:2] == [f"{last['layer']}.{last['unit']}", last["state"]])
    assert row[3:] == [f"{last['auc']:.3f}", "place", "256", "of", "256"]
    together = found["pair"]["auc"]
    assert together > found["units"][0]["auc"] + 0.01
    assert next(row for row in rows if "together" in row)[-1] == f"{together:.3f}"
    assert picture.read_text().startswith("<svg")


def test_holding_the_quote_cell_still_costs_more_inside_quotes_than_95_of_100_other_units_do() -> None:
    best = json.loads(call("cells", QUOTES, *INSIDE, "--json").stdout)["units"][0]
    told = json.loads(call("ablate", QUOTES, "--unit", f"{best['layer']}.{best['unit']}", *INSIDE, "--json").stdout)
    assert len(told["others_inside"]) == 100
    assert sum(other < told["inside"] for other in told["others_inside"]) >= 95


HOURS = r"(\w+\s*)+$$Q"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cells", QUOTES, "--pattern", "["), "'[' is no regular expression"),
        (("cells", QUOTES, "--pattern", "qqzz"), "true nowhere in this text"),
        (("cells", QUOTES, "--pattern", "(?s)."), "true everywhere in this text"),
        (("cells", QUOTES, "--pattern", HOURS), "takes longer than 1 s"),
        (("cells", QUOTES, *INSIDE, "--text", "UNKNOWN"), "has no character that the network knows"),
        (("cells", QUOTES, *INSIDE, "--unit", "1.129"), "There is no unit 129 of layer 1."),
        (("ablate", QUOTES, "--unit", "1.40", "--pattern", "("), "'(' is no regular expression"),
        (("ablate", QUOTES, "--unit", "1.40", "--pattern", "qqzz"), "true nowhere in this text"),
        (("ablate", QUOTES, "--unit", "1.40", "--pattern", "(?s)."), "true everywhere in this text"),
        (("ablate", QUOTES, "--unit", "1.40", "--pattern", HOURS), "takes longer than 1 s"),
        (("ablate", QUOTES, "--unit", "1.40", *INSIDE, "--text", "UNKNOWN"), "has no character"),
        (("ablate", QUOTES, "--unit", "2.1", *INSIDE), "There is no unit 1 of layer 2."),
        (("sample", QUOTES, "--clamp", "1.129=1"), "There is no unit 129 of layer 1."),
        (("sample", QUOTES, "--clamp", "1.40=much"), "holds no unit"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_two_sentences(arguments: tuple[str, ...], words: str, unknown: str) -> None:
    told = call(*(unknown if argument == "UNKNOWN" else argument for argument in arguments))
    assert told.returncode == 2
    assert words in told.stderr and "Traceback" not in told.stderr
    assert told.stderr.count("\n") == 1 and told.stdout == ""

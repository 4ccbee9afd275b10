"""The mutants beside `tests/mutants/run.py` stay usable; whether each is killed is for that command to say."""

from pathlib import Path

import pytest

from tests.mutants import run

PATCHES = sorted(run.HERE.glob("*.patch"))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_a_mutant_still_applies_and_names_tests_that_exist(patch: Path) -> None:
    run.apply(patch, run.PROJECT, only_check=True)
    paths = [argument for argument in run.near_tests(patch) if argument.startswith("tests/")]
    assert paths
    assert all((run.PROJECT / path.partition("::")[0]).exists() for path in paths)


def test_a_patch_that_does_not_apply_is_an_error(tmp_path: Path) -> None:
    patch = tmp_path / "stale.patch"
    patch.write_text(PATCHES[0].read_text().replace("\n-", "\n-no such line "))
    with pytest.raises(run.Unusable, match="does not apply"):
        run.apply(patch, run.PROJECT, only_check=True)

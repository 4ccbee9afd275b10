"""Break the program on purpose, one fault at a time, and see whether its tests notice.

    python tests/mutants/run.py [NAME ...]

Each `NAME.patch` beside this file is a unified diff against the package; its first line, `# near: ARGUMENTS`, holds the
arguments of pytest for the tests that should notice. Each patch is applied to a copy of the project and its near tests
are run there: "killed" where one fails, "survived" where all pass. The near tests are run without the patch first. Exit
status: 0 if all were killed, 1 if one survived, 2 if a patch no longer applies or near tests cannot be run.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
COPIED = ("rnnplay", "tests", "pyproject.toml", "README.md")
LINKED = ("corpora",)  # read only
PASSED, FAILED = 0, 1  # exit status of pytest
SECONDS = 600  # a mutant whose tests take longer hangs, which is noticed too


class Unusable(Exception):
    """A patch or its near tests cannot be used; the message says why."""


def near_tests(patch: Path) -> list[str]:
    """The arguments of pytest in the first line of a patch. Raises Unusable where there are none."""
    first = patch.read_text(encoding="utf-8").partition("\n")[0]
    if not first.startswith("# near: "):
        raise Unusable('its first line is not "# near: ARGUMENTS"')
    return shlex.split(first.removeprefix("# near: "))


def copy_project(target: Path) -> None:
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)
    for name in LINKED:
        (target / name).symlink_to(PROJECT / name)


def apply(patch: Path, project: Path, *, reverse: bool = False, only_check: bool = False) -> None:
    """Apply a patch, or only see whether it would. Raises Unusable where it does not."""
    options = ["--reverse"] * reverse + ["--check"] * only_check
    # Outside of any repository, or git would look for the file from that one's root.
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(project.parent), "GIT_DIR": os.devnull}
    command = ["git", "apply", *options, str(patch)]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise Unusable(f"it does not apply: {done.stderr.strip()}")


def run_tests(arguments: list[str], project: Path) -> int:
    """The exit status of pytest over the copy; children of the tests import the copy too."""
    environment = os.environ | {"PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider", *arguments]
    try:
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, timeout=SECONDS).returncode
    except subprocess.TimeoutExpired:
        return FAILED


def check(patch: Path, project: Path, usable: dict[tuple[str, ...], bool]) -> bool:
    """Whether the mutant was killed. `usable` remembers which near tests pass without a patch. Raises Unusable."""
    arguments = near_tests(patch)
    apply(patch, project, only_check=True)
    key = tuple(arguments)
    if key not in usable:
        usable[key] = run_tests(arguments, project) == PASSED
    if not usable[key]:
        raise Unusable(f"its near tests do not pass without it: pytest {shlex.join(arguments)}")
    apply(patch, project)
    try:
        status = run_tests(arguments, project)
    finally:
        apply(patch, project, reverse=True)
    if status not in (PASSED, FAILED):
        raise Unusable(f"pytest ended with the exit status {status}")
    return status == FAILED


def main(names: list[str]) -> int:
    known = {path.stem: path for path in sorted(HERE.glob("*.patch"))}
    if unknown := [name for name in names if name not in known]:
        print(f"There is no mutant {unknown[0]}. Choose from: {', '.join(known)}.", file=sys.stderr)
        return 2
    worst, usable = 0, {}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy_project(Path(folder))
        for name in names or known:
            try:
                killed = check(known[name], Path(folder), usable)
            except Unusable as error:
                print(f"{name:28} error     {error}", flush=True)
                worst = 2
                continue
            print(f"{name:28} {'killed' if killed else 'survived'}", flush=True)
            worst = max(worst, 0 if killed else 1)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

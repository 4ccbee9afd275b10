"""Tables of one's own in the whole program: their fields on Play, wrong ones told, good ones learned."""

from __future__ import annotations

from pathlib import Path

from terminal import Terminal


def test_a_csv_and_its_column_are_typed_on_play_and_a_wrong_column_is_told(tmp_path: Path) -> None:
    rows = "".join(f"{i},fair,{i % 17}.5,{i % 5}\n" for i in range(300))
    (tmp_path / "sea.csv").write_text("day,note,level,temp\n" + rows)
    with Terminal(tmp_path / "home", "play", "series", "--steps", "20", "--hidden", "7") as terminal:
        terminal.until("Finished after 20 steps")
        terminal.press("e", *str(tmp_path / "sea.csv"), "down", *"levl", "enter", "enter")
        terminal.until("sea.csv has no column 'levl'. Did you mean level?")
        terminal.press("e", "\x7f", *"el", "enter", "enter")
        terminal.until("Finished after 20 steps")
        terminal.until("level, from held-out value 1")
        terminal.until("own file +sea.csv")
        assert "Traceback" not in terminal.text


def test_labelled_lines_of_one_s_own_are_learned_on_play_and_a_review_is_asked(tmp_path: Path) -> None:
    lines = "".join(
        f"the soup number {i} was {'fine' if i % 2 else 'foul'}\t{'up' if i % 2 else 'down'}\n" for i in range(400)
    )
    (tmp_path / "soups.tsv").write_text(lines)
    (tmp_path / "one.tsv").write_text(lines.replace("down", "up"))
    options = ["--text", str(tmp_path / "one.tsv"), "--steps", "40", "--hidden", "7"]
    with Terminal(tmp_path / "home", "play", "sentiment", *options) as terminal:
        terminal.until("one.tsv has only the label 'up', in 400 lines. Give lines with at least two")
        # What comes in one burst after the key that opens a field is typed into it.
        terminal.press("e" + "\x7f" * len("one.tsv") + "soups.tsv\r\r")
        terminal.until("Finished after 40 steps")
        terminal.until(r"p\((up|down)\) after each word")
        terminal.press("4", "sthe soup was quark\r")
        terminal.until("quark")
        terminal.press("s", "\x1b[200~the soup was foul\x1b[201~", "enter")
        terminal.until("= down")

"""Texts by name: downloaded from a server on the loopback, well-behaved or not, added, listed, trained on, removed."""

import hashlib
import json
import os
import pty
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from json_lines import started_line

from rnnplay.config import UserError
from rnnplay.corpora import download, downloadable, library, listing, read, resolve_text
from rnnplay.corpora.downloadable import DownloadableText

LIMIT = 120  # seconds, generous
CONTENT = b"".join(f"{n * n} nights, said the {n}th sailor;\r\n".encode() for n in range(9_000))


class Handler(BaseHTTPRequestHandler):
    """Serves `server.content`; `server.mood` says how badly, `server.asked` what was asked for."""

    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        content, mood = self.server.content, self.server.mood
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        if mood == "missing":
            return self.send_error(404)
        if self.path in ("/moved", "/round"):
            return self.answer(302, b"", {"Location": "/text" if self.path == "/moved" else "/round"})
        if self.path.endswith("/"):
            return self.answer(200, b"<html>text.txt</html>", {"Content-Type": "text/html; charset=utf-8"})
        first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and mood != "no ranges" else 0
        if first >= len(content):
            return self.answer(416, b"")
        extra = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"} if first else {}
        self.answer(206 if first else 200, content[first:], extra, 100_000 if mood == "broken" else None)

    def answer(self, status: int, body: bytes, extra: dict[str, str] = {}, until: int | None = None) -> None:  # noqa: B006
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | extra).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:until])
        if until is not None:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has heard enough hangs up."""


@pytest.fixture
def server() -> Iterator[Any]:
    server: Any = Server(("127.0.0.1", 0), Handler)
    server.content, server.mood, server.asked = CONTENT, "", []
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RNNPLAY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def sailors(server: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> DownloadableText:
    """A text that can be downloaded from `server`."""
    remote = DownloadableText(
        name="sailors",
        url=f"http://127.0.0.1:{server.server_port}/text",
        size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        vocabulary=len(set(CONTENT.decode().replace("\r", ""))),
        licence="public domain",
    )
    monkeypatch.setitem(downloadable.DOWNLOADABLE, "sailors", remote)
    return remote


def refusal(action: Any, *arguments: Any) -> str:
    with pytest.raises(UserError) as caught:
        action(*arguments)
    assert caught.value.problem.endswith(".") and caught.value.remedy[-1] in ".?"
    return str(caught.value)


def call(*arguments: str, remote: DownloadableText | None = None, **choices: Any) -> subprocess.CompletedProcess[str]:
    """`rnnplay ARGUMENTS` in a process of its own, which also knows `remote`."""
    known = "" if remote is None else f"downloadable.DOWNLOADABLE['sailors'] = downloadable.{remote!r}; "
    script = f"from rnnplay.corpora import downloadable; {known}from rnnplay.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        **{"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": LIMIT} | choices,
    )


def test_a_download_is_told_as_it_comes_and_then_is_a_text_by_name(sailors: DownloadableText) -> None:
    assert f"rnnplay corpora get {sailors.name}" in refusal(resolve_text, "sailors")
    progress: list[tuple[int, int | None]] = []
    path = download.fetch(sailors, lambda done, total: progress.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert len(progress) > 3
    assert [done for done, _ in progress] == sorted({done for done, _ in progress})
    assert progress[-1] == (len(CONTENT), len(CONTENT))
    assert resolve_text("sailors") == str(path)
    text = read("text", "sailors")
    assert text.sha256 == sailors.sha256
    assert len(text.vocabulary) == sailors.vocabulary
    assert list(path.parent.iterdir()) == [path]


def test_what_is_here_is_not_downloaded_again(sailors: DownloadableText, server: Any) -> None:
    first = download.fetch(sailors)
    assert download.fetch(sailors) == first
    assert len(server.asked) == 1


def test_a_download_that_broke_off_says_so_and_goes_on_where_it_was(sailors: DownloadableText, server: Any) -> None:
    server.mood = "broken"
    said = refusal(download.fetch, sailors)
    kept = downloadable.download_path(sailors).with_suffix(".part").stat().st_size
    assert 0 < kept <= 100_000
    assert f"broke off after {kept:,} of {len(CONTENT):,} bytes" in said and "resumes from there" in said
    assert not downloadable.download_path(sailors).exists()
    server.mood = ""
    progress: list[int] = []
    path = download.fetch(sailors, lambda done, total: progress.append(done))
    assert server.asked == [None, f"bytes={kept}-"]
    assert progress[0] > kept
    assert path.read_bytes() == CONTENT


def test_a_server_that_knows_no_ranges_begins_anew(sailors: DownloadableText, server: Any) -> None:
    server.mood = "broken"
    refusal(download.fetch, sailors)
    server.mood = "no ranges"
    assert download.fetch(sailors).read_bytes() == CONTENT


@pytest.mark.parametrize("left", [CONTENT[:70_001] + b"?", b"x" * len(CONTENT), CONTENT + b"more"])
def test_a_wrong_beginning_from_another_time_is_thrown_away(sailors: DownloadableText, left: bytes) -> None:
    part = downloadable.download_path(sailors).with_suffix(".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(left)
    assert download.fetch(sailors).read_bytes() == CONTENT


@pytest.mark.parametrize("where", [0, 99_999, len(CONTENT) - 1])
def test_an_altered_text_is_refused_by_its_hash_and_nothing_is_kept(
    sailors: DownloadableText, server: Any, where: int
) -> None:
    server.content = CONTENT[:where] + b"#" + CONTENT[where + 1 :]
    said = refusal(download.fetch, sailors)
    assert sailors.url in said and "sailors" in said
    assert hashlib.sha256(server.content).hexdigest()[:16] in said and sailors.sha256[:16] in said
    assert list(downloadable.downloads_dir().iterdir()) == []


@pytest.mark.parametrize("change", [-5, 1, 300_000])
def test_a_text_of_another_length_is_refused_before_it_is_read(
    sailors: DownloadableText, server: Any, change: int
) -> None:
    server.content = (CONTENT + b"." * max(change, 0))[: len(CONTENT) + change]
    said = refusal(download.fetch, sailors)
    assert f"{len(CONTENT) + change:,} bytes instead of {len(CONTENT):,}" in said
    assert list(downloadable.downloads_dir().iterdir()) == []


def test_a_missing_page_and_no_network_are_one_sentence_each(sailors: DownloadableText, server: Any) -> None:
    server.mood = "missing"
    assert "404" in refusal(download.fetch, sailors)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        alone = replace(sailors, url=f"http://127.0.0.1:{nobody.getsockname()[1]}/text")
        assert refusal(download.fetch, alone).startswith(f"{alone.url} cannot be reached. ")
        for arguments in (("corpora", "get", "sailors"), ("corpora", "add", "mine", alone.url)):
            child = call(*arguments, remote=alone)
            assert child.returncode == 2
            assert child.stderr.startswith(f"rnnplay: {alone.url} cannot be reached. ")
            assert len(child.stderr.splitlines()) == 1 and child.stdout == ""
        listed = call("corpora", "--json", remote=alone)
        origins = {line["name"]: line["origin"] for line in map(json.loads, listed.stdout.splitlines())}
        assert origins["sailors"] == "remote" and origins["prose"] == "shipped" and origins["docs"] == "installed"


def test_a_downloaded_text_that_was_changed_later_is_refused_until_it_is_downloaded_again(
    sailors: DownloadableText,
) -> None:
    path = download.fetch(sailors)
    path.write_bytes(CONTENT.replace(b"sailor", b"tailor"))
    assert "corpora get sailors" in refusal(resolve_text, "sailors")
    assert [text.problem != "" for text in listing.list_corpora() if text.name == "sailors"] == [True]
    download.fetch(sailors)
    assert read("text", "sailors").sha256 == sailors.sha256


def test_the_command_downloads_with_a_bar_on_a_terminal_and_a_name_is_trained_on_from_anywhere(
    sailors: DownloadableText, home: Path, tmp_path: Path
) -> None:
    master, terminal = pty.openpty()
    child = call(
        "corpora", "get", "sailors", remote=sailors, capture_output=False, stdout=subprocess.PIPE, stderr=terminal
    )
    os.close(terminal)
    shown = b""
    try:
        while piece := os.read(master, 65_536):
            shown += piece
    except OSError:
        pass  # so Linux tells the end
    os.close(master)
    assert child.returncode == 0, shown
    assert child.stdout == f"{home / 'downloads' / 'sailors.txt'}\n"
    assert b"sailors" in shown and "━".encode() in shown

    (tmp_path / "elsewhere").mkdir()
    small = ("--hidden", "5", "--steps", "2", "--json")
    added = call("corpora", "add", "mine", str(home / "downloads" / "sailors.txt"))
    assert added.returncode == 0, added.stderr
    trained = call("train", "--text", "mine", *small, cwd=tmp_path / "elsewhere")
    assert trained.returncode == 0, trained.stderr
    assert started_line(trained.stdout)["config"]["text"] == added.stdout.strip()
    measured = call("evaluate", "last", "--text", "mine", "--json")
    assert measured.returncode == 0, measured.stderr


def test_a_file_in_the_current_folder_comes_before_a_text_of_that_name(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("abc" * 50)
    library.add("mine", str(tmp_path / "a.txt"))
    monkeypatch.chdir(tmp_path)
    assert resolve_text("mine") == resolve_text(str(tmp_path / "mine")) == str(home / "corpora" / "mine.txt")
    assert resolve_text("elsewhere/mine") == str(tmp_path / "elsewhere" / "mine")
    (tmp_path / "mine").write_text("xyz" * 50)
    assert resolve_text("mine") == str(tmp_path / "mine")


def test_an_added_text_is_a_copy_that_keeps_its_kind_is_listed_and_can_be_removed(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.TEX").write_bytes("\\section{Über}\r\n".encode() * 20)
    path = library.add("mine", str(tmp_path / "a.TEX"))
    (tmp_path / "a.TEX").unlink()
    assert path == home / "corpora" / "mine.tex"
    [own] = [text for text in listing.list_corpora() if text.origin == "own"]
    assert (own.name, own.size, own.vocabulary) == ("mine", 340, len(set("\\section{Über}\n")))
    shown = call("corpora").stdout
    assert "mine" in shown and "own" in shown and "340B" in shown
    assert library.remove("mine") == path
    assert not path.exists()
    assert "Did you mean" not in refusal(library.remove, "mine")


def test_a_text_is_added_from_an_address_that_moved_and_a_broken_one_leaves_nothing(server: Any, home: Path) -> None:
    address = f"http://127.0.0.1:{server.server_port}"
    assert library.add("mine", f"{address}/moved").read_bytes() == CONTENT
    server.mood = "broken"
    assert "broke off" in refusal(library.add, "other", f"{address}/text.c?raw=1")
    assert [path.name for path in library.own_texts_dir().iterdir()] == ["mine.txt"]
    server.mood = ""
    assert library.add("other", f"{address}/text.c?raw=1").name == "other.c"


def test_a_directory_a_circle_and_other_kinds_of_address_are_refused_and_leave_nothing(server: Any, home: Path) -> None:
    address = f"http://127.0.0.1:{server.server_port}"
    assert "/texts/ is a web page, not a text. Give" in refusal(library.add, "mine", f"{address}/texts/")
    assert "leads only to other addresses" in refusal(library.add, "mine", f"{address}/round")
    for other in ("ftp://127.0.0.1/text", "file:///etc/hostname"):
        assert refusal(library.add, "mine", other).startswith(f"{other} is no address")
    server.mood = "missing"
    assert "(404 Not Found)" in refusal(library.add, "mine", f"{address}/text")
    assert list(library.own_texts_dir().iterdir() if library.own_texts_dir().exists() else []) == []


def test_names_that_are_taken_or_none_and_texts_that_are_not_there_are_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("abc")
    (tmp_path / "empty.txt").write_text("")
    for name in ("prose", "docs", "shakespeare"):
        assert "is reserved" in refusal(library.add, name, str(tmp_path / "a.txt"))
    for name in ("", "../a", "a/b", ".a", "a.txt", "-a", "x" * 65):
        assert "cannot be a name" in refusal(library.add, name, str(tmp_path / "a.txt"))
    assert "is empty" in refusal(library.add, "mine", str(tmp_path / "empty.txt"))
    assert "There is no file" in refusal(library.add, "mine", str(tmp_path / "none.txt"))
    library.add("mine", str(tmp_path / "a.txt"))
    assert "corpora remove mine" in refusal(library.add, "mine", str(tmp_path / "a.txt"))
    assert [path.name for path in library.own_texts_dir().iterdir()] == ["mine.txt"]
    assert "Did you mean mine?" in refusal(library.remove, "mien")
    assert "came with the program" in refusal(library.remove, "docs")


def test_a_binary_file_can_be_added_and_read_as_bytes(home: Path, tmp_path: Path) -> None:
    content = np.random.default_rng(5).integers(0, 256, 3_001, np.uint8).tobytes()
    (tmp_path / "a.bin").write_bytes(content)
    library.add("noise", str(tmp_path / "a.bin"))
    [own] = [text for text in listing.list_corpora() if text.origin == "own"]
    assert own.vocabulary is None and own.size == 3_001 and not own.problem
    assert "--read-as-bytes" in refusal(read, "text", "noise") or "iconv" in refusal(read, "text", "noise")
    text = read("text", "noise", as_bytes=True)
    assert text.ids.dtype == np.uint8 and text.ids.tolist() == list(content)

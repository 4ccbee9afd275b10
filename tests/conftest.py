"""What all tests share: signals as a terminal has them, and a folder of their own for the sockets of trainers."""

import signal
import tempfile
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _signals_of_a_terminal() -> None:
    """What is ignored stays so in every child: under nohup, or with & in a script, no signal would end a trainer."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_socket_folder() -> Iterator[None]:
    """A folder with a short name: the path of a socket has at most about a hundred bytes, and pytest's are longer."""
    with tempfile.TemporaryDirectory(prefix="rnnplay-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNPLAY_SOCKETS", folder)
        yield

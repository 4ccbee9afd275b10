"""What all tests share: sockets of trainers that they start lie in a folder of their own."""

import tempfile
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_socket_folder() -> Iterator[None]:
    """A folder with a short name: the path of a socket has at most about a hundred bytes, and pytest's are longer."""
    with tempfile.TemporaryDirectory(prefix="rnnplay-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNPLAY_SOCKETS", folder)
        yield

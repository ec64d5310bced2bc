"""Ctrl+C while something takes its time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from lora_mixer.cli.interrupt import interrupted


@pytest.fixture(autouse=True)
def as_in_a_terminal() -> Iterator[None]:
    """A shell has what it starts in the background ignore Ctrl+C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_ends_it_with_what_it_has_and_the_next_is_what_it_was(capsys: pytest.CaptureFixture[str]):
    before, ended = signal.getsignal(signal.SIGINT), []
    with interrupted(lambda: ended.append(True)):
        signal.raise_signal(signal.SIGINT)
        assert ended == [True] and "best so far" in capsys.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert ended == [True] and signal.getsignal(signal.SIGINT) is before


def test_what_fails_inside_leaves_ctrl_c_as_it_was():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="no"), interrupted(lambda: None):
        raise ValueError("no")
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_the_block_just_runs():
    ran: list[bool] = []

    def work() -> None:
        with interrupted(lambda: None):
            ran.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [True]

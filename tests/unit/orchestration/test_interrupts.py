import os
import signal
import threading
from collections.abc import Iterator

import click
import pytest

from orchestration import cli, interrupts


@pytest.fixture
def swallowing() -> Iterator[None]:
    """A library has put a handler of its own in the place of Python's, and does nothing."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("swallowing")
def test_what_a_library_took_is_heard_and_the_next_command_begins_anew() -> None:
    with interrupts.listening():
        interrupts.obey()
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                interrupts.obey()
    assert signal.set_wakeup_fd(-1) == -1, "the pipe is gone with the command"
    with interrupts.listening():
        interrupts.obey()


@pytest.mark.usefixtures("swallowing")
def test_other_signals_are_no_interrupt() -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    with interrupts.listening():
        os.kill(os.getpid(), signal.SIGUSR1)
        interrupts.obey()
    signal.signal(signal.SIGUSR1, before)


def test_another_thread_hears_nothing_and_is_not_hindered() -> None:
    done: list[bool] = []

    def work() -> None:
        with interrupts.listening():
            done.append(interrupts.has_come())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [False]


@pytest.mark.usefixtures("swallowing")
def test_an_error_that_an_engine_made_of_ctrl_c_is_told_as_stopped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def broken() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        raise RuntimeError("Query interrupted")

    monkeypatch.setitem(cli.cli.commands, "broken", broken)
    assert cli.run(["broken"]) == cli.INTERRUPTED
    assert capsys.readouterr().err == "stopped\n"

"""Progress is shown only if asked, on the error stream, and Ctrl-C passes through."""

from __future__ import annotations

import subprocess
import sys

import pytest

from custval._core.progress import track
from custval._core.randomness import generator


def test_items_pass_unchanged_and_silently(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(range(3), progress=False, label="scoring")) == [0, 1, 2]
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_a_bar_is_shown_on_the_error_stream_if_asked() -> None:
    code = "from custval._core.progress import track; list(track(range(3), progress=True, label='scoring', total=3))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "scoring" in done.stderr


def test_an_interrupt_is_not_swallowed() -> None:
    def interrupted() -> object:
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(track(interrupted(), progress=False, label="x"))


def test_the_same_seed_gives_the_same_numbers_and_a_generator_is_used_as_it_is() -> None:
    assert generator(5).random() == generator(5).random()
    own = generator(5)
    assert generator(own) is own

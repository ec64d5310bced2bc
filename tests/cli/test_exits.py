"""Exit statuses are those that the help promises to scripts."""

from __future__ import annotations

from lora_mixer.cli.app import app
from lora_mixer.cli.exits import DONE, FAILED, MISUSED, NAME


def test_the_help_promises_the_statuses_that_there_are() -> None:
    assert f"{DONE} done, {FAILED} failed on the way, {MISUSED} not understood" in str(app.info.epilog)
    assert app.info.name == NAME

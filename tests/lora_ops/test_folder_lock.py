"""One writer at a time in a folder."""

from __future__ import annotations

import threading
from pathlib import Path

from lora_mixer.lora_ops.disk import CannotWrite
from lora_mixer.lora_ops.folder_lock import alone


def test_one_who_waits_too_long_is_told_so(tmp_path: Path) -> None:
    said: list[str] = []

    def wait() -> None:
        try:
            with alone(tmp_path, patience=0.05):
                pass
        except CannotWrite as error:
            said.append(str(error))

    with alone(tmp_path):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
    assert len(said) == 1 and "somebody else has been writing there" in said[0]

"""The team of helpers that OpenMP gives to a thread: it goes when the thread's work is done, and comes back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, time
sys.path[:0] = [{tests!r}]
import conftest, torch
from helpers import tiny
from lora_mixer.lora_ops import Column, Desk, Mix, compare
from lora_mixer.lora_ops.engines.peft.openmp_threads import _pause, let_go

def threads():
    return len(os.listdir("/proc/self/task"))

torch.set_num_threads(4)
a = torch.rand(600, 600)
wanted, alone = a @ a, None
let_go()
alone = threads()
assert torch.equal(a @ a, wanted)
team = threads()
let_go()
assert threads() == alone, (threads(), alone)
assert torch.equal(a @ a, wanted) and threads() == team, "it comes back by itself"
print("team", team - alone, "known", _pause() is not None)

model = tiny.pirate()
desk = Desk(model)
a @ a
run = compare(desk, tiny.tokenizer(), tiny.prompt(), [Column("A", Mix()), Column("B", desk.base())], seed=7,
              generation={{"max_new_tokens": 4}})
for _ in run:
    pass
until = time.monotonic() + 20
while threads() > alone and time.monotonic() < until:
    time.sleep(0.05)  # a thread is gone a moment after it was waited for
assert threads() == alone, "neither the caller nor who compared kept a team"
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux tells how many threads there are")
def test_a_thread_lets_its_team_go_and_a_comparison_has_the_processors_to_itself() -> None:
    program = PROGRAM.format(tests=str(Path(__file__).parents[3]))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300,
        env={**__import__("os").environ, "OMP_NUM_THREADS": "4"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["team", "3", "known", "True"], done.stdout

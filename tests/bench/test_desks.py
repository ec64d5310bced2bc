"""Many desks on one server: the simulation keeps the rules of the server, and does what arithmetic says."""

from __future__ import annotations

import pytest

from lora_mixer.bench.desks import Desks, Habit
from lora_mixer.bench.served import Costs

COSTS = Costs(step=0.01, row=0.001, adapter=0.002, write=0.1, load=0.05, activate=0.02, read=0.0005)
ALONE = Habit(compares=0.0, mid_reply=0.0, prompt=100, reply=20)


def test_one_desk_waits_for_writing_loading_reading_and_one_token() -> None:
    seen = Desks(1, COSTS, 4, ALONE).run(1000)
    assert seen.moves == pytest.approx(1000 / 20.7, rel=0.35) and len(seen.waits) >= seen.moves - 1
    assert seen.waits == pytest.approx([0.1 + 0.05 + 0.02 + 100 * 0.0005 + 0.01] * len(seen.waits))


def test_a_fader_in_the_middle_of_a_reply_is_a_move_of_its_own_and_reads_again_what_was_said() -> None:
    seen = Desks(1, COSTS, 4, Habit(compares=0.0, mid_reply=1.0, prompt=100, reply=20)).run(1000)
    assert seen.loads == pytest.approx(seen.moves, abs=1) and seen.tokens == pytest.approx(seen.moves / 2 * 20, abs=20)
    assert min(seen.waits) == pytest.approx(0.23) and 0.23 < max(seen.waits) <= 0.23 + 19 * 0.0005 + 1e-9


@pytest.mark.parametrize("loras", [1, 2, 8])
def test_no_batch_has_more_adapters_than_the_server_allows(loras: int) -> None:
    seen = Desks(30, COSTS, loras, Habit(think=2.0)).run(120)
    assert 1 <= seen.most <= loras and seen.tokens


def test_columns_that_have_no_place_together_wait_for_each_other() -> None:
    habit = Habit(compares=1.0, mid_reply=0.0, columns=4, reply=50)
    together, in_turns = (Desks(1, COSTS, loras, habit).run(2000).comparisons for loras in (4, 1))
    assert max(together) < min(in_turns)
    assert min(in_turns) >= 3 * 50 * COSTS.step


def test_what_the_hosts_memory_has_lost_is_read_again() -> None:
    crowded = Desks(30, COSTS, 2, Habit(think=1.0), kept=2).run(200)
    roomy = Desks(30, COSTS, 2, Habit(think=1.0), kept=1000).run(200)
    assert crowded.again and not roomy.again and roomy.displaced


def test_the_same_seed_is_the_same_afternoon_and_more_desks_wait_longer() -> None:
    first, again, other = (Desks(8, COSTS, 4, seed=seed).run(300) for seed in (1, 1, 2))
    assert first == again != other
    crowd = Desks(60, COSTS, 4, seed=1).run(300)
    assert sum(crowd.waits) / len(crowd.waits) > sum(first.waits) / len(first.waits)

"""Learning gains: a step, which reads all examples and goes back, against a plain pass over them; and a whole run."""

from __future__ import annotations

import time
from typing import Any

import torch

from ..demo.prompts import HELD_OUT
from ..lora_ops import Desk, Faders, Learned, Mix, learn
from ..lora_ops.engines.lesson import Lesson
from ..lora_ops.engines.peft.aims import Likely
from ..lora_ops.engines.peft.engine import peft_engine
from ..lora_ops.engines.peft.pupil import Pupil
from .clock import Series
from .demo_stage import Stage
from .report import Goal, Section, Table, duration, ratio
from .workshop import ADAPTER, Workshop, prompt

TITLE = "Learning gains"
ABOUT = """\
A step of `learn` on {count} examples of {tokens} tokens, with the gradient of each of 210 gains, against a pass over
the same batches without gradients; the demo's model with a rank-16 adapter, float32. A whole run is `learn` over kinds
and layers on as many replies that the adapter gave at half its gain, from reading the first to its verdict, with at
most three steps a level; over targets it is one step on all numbers."""
#: How many times as long as a pass a step may take.
MOST = 4


def measure(shop: Workshop) -> Section:
    """Times both in turns; ratios are to the pass."""
    count, tokens, rounds = shop.pick((20, 64, 4), (4, 8, 1))
    model, tokenizer = shop.model()
    head = tuple(prompt(tokenizer)[0].tolist())
    dice = torch.Generator().manual_seed(0)
    lessons = [Lesson(head, tuple(torch.randint(9, 40_000, (tokens,), generator=dice).tolist())) for _ in range(count)]
    desk = Desk(model)
    targets = desk.adapters[ADAPTER].scalable
    pupil, aim, gains = Pupil(peft_engine(desk), targets, Mix(), desk.rows), Likely(lessons), [1.0] * len(targets)
    shop.say(f"a step on {count} examples of {tokens} tokens, and a plain pass, in turns")
    passes, steps = [], []
    for turn in range(rounds + 1):
        took = _seconds(pupil.loss, aim, gains), _seconds(pupil.slope, aim, gains)
        if turn:  # the first warms up
            passes.append(took[0])
            steps.append(took[1])
    plain, step = Series(tuple(passes)), Series(tuple(steps))
    times = step / plain
    rows = [("a pass", ratio(plain / plain), duration(plain)), ("a step", ratio(times), duration(step))]
    goal = Goal(
        "a step of learning against a plain pass", f"at most {MOST} x", f"{ratio(times)} x", times.median <= MOST
    )
    table = Table(("what", "times as long as a pass", "time"), rows)
    whole = _whole(shop, Stage(model, tokenizer, desk), count, tokens)
    return Section(TITLE, ABOUT.format(count=count, tokens=tokens), [table, whole], [goal])


def _whole(shop: Workshop, stage: Stage, count: int, tokens: int) -> Table:
    """Whole runs, over few numbers and over many."""
    prompts = [HELD_OUT[at % len(HELD_OUT)] for at in range(count)]
    examples = stage.replies(Mix({ADAPTER: Faders(master=0.5)}), prompts, tokens, sampled=True)
    rows = []
    for over, steps in ((("kinds", "layers"), 3), (("targets",), 8)):
        shop.say(f"a whole run over {' and '.join(over)}")
        found: Learned = learn(stage.desk, stage.tokenizer, examples, over=over, steps=shop.pick(steps, 1))
        gained = f"{found.before - found.after:.3f}" if found.learned else "nothing"
        rows.append((" and ".join(over), str(len(found.curve) - 1), gained, duration(Series((found.seconds,)))))
    return Table(("a whole run over", "mixes tried", "nats a token gained", "time"), rows)


def _seconds(work: Any, *given: Any) -> float:
    began = time.perf_counter()
    work(*given)
    return time.perf_counter() - began

"""What learning finds where the right answer is known: noise in an adapter, two adapters, nothing to find."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..demo.prompts import HELD_OUT
from ..lora_ops import Faders, Learned, Mix, learn
from .demo_stage import BUTLER, PIRATE, Pair, Stage, demo_stage, only
from .report import Goal, Section, Table
from .spoiled import below, spoiled
from .workshop import Workshop

TITLE = "What learning finds"
ABOUT = """\
The demo's model with its two adapters, float32. {spoiled} of the pirate's 210 targets become noise, {louder:g} times as
large as what they were; `learn(…, over="targets")` reads {examples} replies of {tokens} tokens that the clean adapter
gave, and what it won back of what the noise cost is measured on as many others by stock PEFT. The order is how often a
target that is noise has a lower gain than one that is not (the area under the ROC curve). Below: two adapters, both
at half, of which one alone gave the replies; replies that the model gives already; replies of random tokens."""
SPOILED, LOUDER = 42, 6.0
#: What is to be reached: of what the noise cost, and of the order.
WON, ORDER = 0.7, 0.8
MASTERS = (0.75, 1.25, 1.5)
#: Where both adapters stand before it is learned which of them is wanted.
HALF = 0.5


@dataclass(frozen=True)
class Found:
    """What came of one adapter with noise in it."""

    won: float
    master: float
    order: float
    seconds: float


def measure(shop: Workshop) -> Section:
    """Five seeds of noise, then what must move and what must not, with what `learn` does unless told otherwise."""
    seeds, examples, tokens = shop.pick(((1, 2, 3, 4, 5), 8, 64), ((1,), 4, 8))
    stage = demo_stage()
    said = stage.replies(only(PIRATE), HELD_OUT[: 2 * examples], tokens)
    found = {}
    for seed in seeds:
        shop.say(f"an adapter with noise in it, seed {seed}")
        found[seed] = _noise(stage, said[:examples], said[examples:], seed)
    rows = [
        (str(seed), f"{one.won:.2f}", f"{one.master:.2f}", f"{one.order:.2f}", f"{one.seconds:.0f} s")
        for seed, one in found.items()
    ]
    head = ("seed of the noise", "won back", "by the best single master", "order", "learned in")
    least, order = min(one.won for one in found.values()), min(one.order for one in found.values())
    goals = [
        Goal("of what noise cost, won back", f"at least {WON}", f"{least:.2f}", least >= WON),
        Goal("noise below what is clean", f"at least {ORDER}", f"{order:.2f}", order >= ORDER),
        _yes("better than the best single master", all(one.won > one.master for one in found.values())),
    ]
    goals += _others(shop, stage, said[:examples], tokens)
    about = ABOUT.format(spoiled=SPOILED, louder=LOUDER, examples=examples, tokens=tokens)
    return Section(TITLE, about, [Table(head, rows)], goals)


def _noise(stage: Stage, examples: list[Pair], others: list[Pair], seed: int) -> Found:
    loaded = only(PIRATE)
    clean = stage.nats(others, loaded)
    with spoiled(stage.model, PIRATE, SPOILED, LOUDER, seed) as noise:
        noisy = stage.nats(others, loaded)
        found = learn(stage.desk, stage.tokenizer, examples, mix=loaded, over="targets")
        after = stage.nats(others, found.mix)
        masters = [
            stage.nats(others, Mix({PIRATE: Faders(master=master), BUTLER: Faders(on=False)})) for master in MASTERS
        ]
    gains = {target.name: found.mix.gain(target) for target in stage.desk.adapters[PIRATE].scalable}
    order = below([gains[name] for name in noise], [gain for name, gain in gains.items() if name not in noise])
    cost = noisy - clean
    return Found((noisy - after) / cost, (noisy - min(masters)) / cost, order, found.seconds)


def _others(shop: Workshop, stage: Stage, examples: list[Pair], tokens: int) -> list[Goal]:
    steps = shop.pick(8, 1)

    def learned(replies: list[Pair], mix: Mix) -> Learned:
        return learn(stage.desk, stage.tokenizer, replies, mix=mix, steps=steps)

    shop.say("two adapters of which one is wanted")
    wanted = learned(examples, Mix({name: Faders(master=HALF) for name in (PIRATE, BUTLER)}))
    mean = {name: _mean(stage, wanted.mix, name) for name in (PIRATE, BUTLER)}
    shop.say("what the model says already, and noise")
    prompts = [prompt for prompt, _ in examples]
    already = learned(stage.replies(only(PIRATE), prompts, tokens, sampled=True), only(PIRATE))
    chance = torch.Generator().manual_seed(5)
    random = [(prompt, tuple(torch.randint(100, 40_000, (tokens,), generator=chance).tolist())) for prompt in prompts]
    nonsense = learned(random, only(PIRATE))
    told = ", ".join(f"{name} {HALF} to {gain:.2f}" for name, gain in mean.items())
    return [
        Goal("of two adapters the wanted one up, the other down", "yes", told, mean[PIRATE] > HALF > mean[BUTLER]),
        _yes("where the model says it already nothing moves", not already.learned and already.mix == only(PIRATE)),
        _yes("of random tokens it says that nothing was learned", not nonsense.learned and bool(nonsense.note)),
    ]


def _mean(stage: Stage, mix: Mix, name: str) -> float:
    gains = [mix.gain(target) for target in stage.desk.adapters[name].scalable]
    return sum(gains) / len(gains)


def _yes(what: str, met: bool) -> Goal:
    return Goal(what, "yes", "yes" if met else "no", met)

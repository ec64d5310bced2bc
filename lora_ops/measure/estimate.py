"""What each target, kind and layer does to a text, estimated: a pass and a few gradients, however many there are.

Silencing a target moves its gain by d = -g. The divergence of the distributions before and after is, to second order,
d^2 / 2 times the Fisher information of the gain: KL(P || Q) = d^2 / 2 E[s^2] + O(d^3), where s is the slope of
log P(y) with the gain and y is drawn from P itself (Kullback and Leibler 1951; for networks Martens, "New insights and
perspectives on the natural gradient method", 2020, section 5, which also tells why y has to come from the model and
not from the text). Of T tokens the mean is wanted. Draw a y for each of them, all on their own, and let S be the sum of
their slopes: E[s] = 0 under P, so that the mixed terms are nothing on average, E[S^2] is the sum of all E[s^2], and
d^2 S^2 / (2 T) is an unbiased estimate of that second order. One backward pass gives S for all targets at once, and the
slope of a kind or a layer that moves together is the sum of theirs: so each further drawing, a probe, costs one
backward pass through one row, and the forward pass is needed once for all.

What it leaves out is what is beyond the second order; `impact` measures that, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, get_args

import torch

from ..desk import Desk
from ..engines.engine import Cancelled
from ..engines.peft.engine import peft_engine
from ..engines.peft.gradients import gains_with_gradients, why_no_gradient
from ..engines.prompt import Prompt, token_ids
from ..mix import Faders, Mix
from ..target import Target
from .impact import Progress, What
from .text import Text

#: More say little more, and fewer nothing about how far off they are.
MOST_PROBES, FEWEST = 4096, 2
#: Probes that go back together: more are no faster. As many as multiply so many numbers (a second or two on two
#: processors: between them one may stop), and whose logits are no more than so many (256 MiB).
_AT_ONCE, _MOST_WORK, _MOST_LOGITS = 8, 2**37, 2**26

#: By adapter, then by the name of a target, by kind or by layer; in nats.
Nats = Mapping[str, Mapping[Any, float]]


@dataclass(frozen=True)
class Estimate:
    """What was estimated: mean divergences of the next-token distributions in nats, as `Impact` has them.

    Attributes:
        what: as in `Impact`.
        mix: the gains that were asked about, as they are at token 0 where they fade.
        targets, kinds, layers: by adapter, then by name; a kind or layer is all of its targets together.
        target_errors, kind_errors, layer_errors: the standard error of each, over the probes.
        why_not: by adapter, then by target name: why no gradient reaches it. What it is part of is absent, as it is.
        probes: how many were drawn.
        tokens: over how many tokens the mean is.
        seconds: how long it took, without waiting for the model.
        complete: whether as many probes were drawn as asked for.
    """

    what: What
    mix: Mix
    targets: Nats
    kinds: Nats
    layers: Nats
    target_errors: Nats
    kind_errors: Nats
    layer_errors: Nats
    why_not: Mapping[str, Mapping[str, str]]
    probes: int
    tokens: int
    seconds: float
    complete: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON, in the words of `Impact.to_dict`; that there are probes tells what it is."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            **plain,
            "mix": self.mix.to_dict(),
            **{
                of: {adapter: {str(layer): one for layer, one in found.items()} for adapter, found in plain[of].items()}
                for of in ("layers", "layer_errors")
            },
        }


def estimate_impact(
    desk: Desk,
    input_ids: Prompt,
    mix: Mix | None = None,
    what: What = "silenced",
    *,
    probes: int = 16,
    seed: int = 0,
    adapters: Sequence[str] | None = None,
    cancelled: Callable[[], bool] | None = None,
    progress: Progress | None = None,
    decoder_input_ids: torch.Tensor | None = None,
) -> Estimate:
    """Estimates what `impact` measures, at a price that does not grow with the targets: a pass, and one back a probe.

    The relative error of each number is about the square root of 2 / probes; where targets differ by orders, their
    order is told well by 16. The lock is held all the while, and weights that ask for gradients do not in that time;
    everything is as it was when it ends, however it ends.

    >>> found = estimate_impact(desk, tokenizer("Ahoy, who goes there?").input_ids, probes=16)
    >>> max(found.targets["pirate"], key=found.targets["pirate"].get)    # the most telling target

    Args:
        desk: of the model that reads, which must be one in this process.
        input_ids: the text: token ids, or a tensor of them, shape (1, tokens).
        mix: the gains that are asked about; where the faders stand if not given.
        what: "silenced": each part alone at gain 0. "alone": each part alone as in `mix`, all others at 0.
        probes: how many drawings, from 2 up.
        seed: of the drawings.
        adapters: the adapters whose parts are estimated; all if not given.
        cancelled: asked between probes, and while waiting for the lock; true ends it, with what is known by then.
        progress: called after each probe.
        decoder_input_ids: as `impact`.

    Raises:
        ValueError: as `impact`; or too few probes, or too many.
        RuntimeError: rows are in use, and there is no lock to wait for.
        torch.OutOfMemoryError, or what else says so on this device: memory does not hold the pass.
    """
    engine = peft_engine(desk)
    text = engine.tensor(token_ids(input_ids))
    if what not in get_args(What):
        raise ValueError(f"what must be one of {', '.join(get_args(What))}, not {what!r}")
    if isinstance(probes, bool) or not isinstance(probes, int) or not FEWEST <= probes <= MOST_PROBES:
        raise ValueError(f"an estimate takes {FEWEST} to {MOST_PROBES:,} probes, not {probes}")
    if engine.model.training:
        raise ValueError("the model is in training mode, where dropout makes noise: call model.eval() first")
    mix = desk.mix if mix is None else mix
    desk.check(mix)
    names = list(desk.adapters) if adapters is None else list(adapters)
    desk.check_adapters(names)
    drawing = _Drawing(desk, Text(engine.model, text, decoder_input_ids), mix.at(0), what, names)
    drawing.run(probes, seed, cancelled or (lambda: False), progress or (lambda done, total: None))
    return drawing.estimate(probes)


class _Back:
    """The way back from what was read to the gains, for several texts that are drawn from it at once.

    Args:
        logits: what was read, shape (1, tokens, vocabulary).
        stand: the gains that it was read under.
        work: how many numbers one way back multiplies: several share it as long as that is no long time.
    """

    def __init__(self, logits: torch.Tensor, stand: torch.Tensor, work: int) -> None:
        self._logits, self._stand = logits, stand
        self._shares = logits.detach().float().softmax(-1)
        self.at_once = max(1, min(_AT_ONCE, _MOST_WORK // max(1, work), _MOST_LOGITS // logits.numel()))

    def draw(self, probes: int, seed: int) -> torch.Tensor:
        """A token for each place and probe, shape (tokens, probes)."""
        dice = torch.Generator(self._logits.device).manual_seed(seed)
        return torch.multinomial(self._shares[0], probes, replacement=True, generator=dice)

    def slopes(self, drawn: torch.Tensor) -> list[torch.Tensor]:
        """How log P of each text grows with each gain: what is drawn has shape (tokens, texts)."""
        if drawn.shape[1] > 1:
            try:
                ways = torch.stack([self._way(one) for one in drawn.T])
                return list(self._gradients(ways, is_grads_batched=True))
            except RuntimeError:  # memory does not hold them, or something on the way knows no batch: one by one
                self.at_once = 1
        return [self._gradients(self._way(one)) for one in drawn.T]

    def _way(self, drawn: torch.Tensor) -> torch.Tensor:
        """The slope of log softmax at what was drawn."""
        ones = torch.ones_like(self._shares[..., :1])
        return (-self._shares).scatter_add_(-1, drawn[None, :, None], ones).to(self._logits)

    def _gradients(self, way: torch.Tensor, **how: Any) -> torch.Tensor:
        (found,) = torch.autograd.grad(
            self._logits, self._stand, way, retain_graph=True, allow_unused=True, materialize_grads=True, **how
        )
        return found


def _work(model: Any, tokens: int) -> int:
    return tokens * sum(numbers.numel() for numbers in model.parameters())


@dataclass
class _Drawing:
    """One estimate under way.

    Attributes:
        slopes: of every probe, for each of `targets`: how the divergence's root grows with what it is moved by.
    """

    desk: Desk
    text: Text
    mix: Mix
    what: What
    names: Sequence[str]
    seconds: float = 0.0
    slopes: list[torch.Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        engine, heard = peft_engine(self.desk), self.desk.heard(self.mix)
        every = [target for name in self.names for target in self.desk.adapters[name].scalable]
        self.why_not = {(t.adapter, t.name): reason for t in every if (reason := why_no_gradient(engine, t))}
        self.asked = [target for target in every if (target.adapter, target.name) not in self.why_not]
        #: Those that change anything, and by how much their gain is moved.
        self.targets: list[Target] = []
        self.moves: list[float] = []
        for target in self.asked:
            if target.adapter in heard and (gain := self.mix.gain(target)) != 0:
                self.targets.append(target)
                self.moves.append(gain)

    @property
    def reference(self) -> Mix:
        """What P is said under. Alone: everything that is heard takes part, at gain 0."""
        if self.what == "silenced":
            return self.mix
        heard = self.desk.heard(self.mix)
        return Mix({name: Faders(master=0.0) if name in heard else Faders(on=False) for name in self.desk.adapters})

    def run(self, probes: int, seed: int, cancelled: Callable[[], bool], progress: Progress) -> None:
        """Draws so many, or as many as there are before it is called off."""
        engine = peft_engine(self.desk)
        try:
            with self.desk.rows([self.reference], cancelled), gains_with_gradients(engine, self.targets) as play:
                began = time.perf_counter()
                gains = [self.reference.gain(target) for target in self.targets]
                stand = torch.tensor(gains, device=self.text.device, requires_grad=True)
                play(stand)
                back = _Back(self.text.read(), stand, _work(engine.model, self.text.tokens))
                drawn = back.draw(probes, seed)
                while (done := len(self.slopes)) < probes:
                    progress(done, probes)
                    if cancelled():
                        break
                    self.slopes += self._slopes(back, drawn[:, done : done + back.at_once])
                self.seconds = time.perf_counter() - began
            progress(len(self.slopes), probes)
        except Cancelled:
            return

    def _slopes(self, back: _Back, drawn: torch.Tensor) -> list[torch.Tensor]:
        """How log P of each text that was drawn from P grows as each gain moves by what it is to be moved by."""
        if not self.targets:
            return [torch.zeros(0)] * drawn.shape[1]
        moves = torch.tensor(self.moves, dtype=torch.float64)
        return [found.double().cpu() * moves for found in back.slopes(drawn)]

    def estimate(self, asked: int) -> Estimate:
        """What the probes come to."""
        found: dict[str, tuple[dict[str, dict[Any, float]], dict[str, dict[Any, float]]]] = {}
        slopes = torch.stack(self.slopes, 1) if self.slopes else torch.zeros(len(self.targets), 0)
        for part in ("target", "kind", "layer"):
            values: dict[str, dict[Any, float]] = {}
            errors: dict[str, dict[Any, float]] = {}
            found[part] = values, errors
            for (adapter, name), members in self._parts(part).items():
                mean, error = self._together(slopes[members])
                values.setdefault(adapter, {})[name] = mean
                errors.setdefault(adapter, {})[name] = error
        why_not: dict[str, dict[str, str]] = {}
        for (adapter, name), reason in self.why_not.items():
            why_not.setdefault(adapter, {})[name] = reason
        return Estimate(
            what=self.what,
            mix=self.mix,
            targets=found["target"][0],
            kinds=found["kind"][0],
            layers=found["layer"][0],
            target_errors=found["target"][1],
            kind_errors=found["kind"][1],
            layer_errors=found["layer"][1],
            why_not=why_not,
            probes=len(self.slopes),
            tokens=self.text.tokens,
            seconds=self.seconds,
            complete=len(self.slopes) == asked,
        )

    def _parts(self, part: str) -> dict[tuple[str, Any], list[int]]:
        """By adapter and name, the places in `targets` of what moves together; without what no gradient reaches."""
        if len(self.slopes) < FEWEST:
            return {}
        places = {(target.adapter, target.name): at for at, target in enumerate(self.targets)}
        parts: dict[tuple[str, Any], list[int]] = {}
        lacking = {self._key(part, target) for target in self._unreached()}
        for target in self.asked:
            key = self._key(part, target)
            if key[1] is not None and key not in lacking:
                at = places.get((target.adapter, target.name))
                parts.setdefault(key, []).extend([] if at is None else [at])
        return parts

    def _unreached(self) -> list[Target]:
        every = (target for name in self.names for target in self.desk.adapters[name].scalable)
        return [target for target in every if (target.adapter, target.name) in self.why_not]

    def _key(self, part: str, target: Target) -> tuple[str, Any]:
        return target.adapter, {"target": target.name, "kind": target.kind, "layer": target.layer}[part]

    def _together(self, slopes: torch.Tensor) -> tuple[float, float]:
        """The mean over the probes, and its standard error, of slopes that move together: (members, probes)."""
        if not len(slopes):
            return 0.0, 0.0
        each = slopes.sum(0).square() / (2 * self.text.tokens)
        return float(each.mean()), float(each.std() / len(each) ** 0.5)

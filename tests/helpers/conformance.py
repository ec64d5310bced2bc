"""What every engine must keep to, whatever it plays on: the same properties for all, each where the engine claims it.

An engine is handed over as a `Stage`. What it says that it cannot do is not asked of it; that it says so, in a
sentence, is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import pytest

from lora_mixer.lora_ops import Cancelled, Column, Desk, Faders, Mix, NotInRows, Result, compare, score
from lora_mixer.lora_ops.engines.engine import Ability
from lora_mixer.lora_ops.fade import Fade
from lora_mixer.lora_ops.mix_check import why_not_rank

#: How far two ways of working out the same logarithm may be apart, where an engine says nothing else.
CLOSE = 1e-4


@dataclass
class Stage:
    """An engine on trial.

    Attributes:
        engine: what is tried; no mix is on it, and it holds at least one adapter that plays as loaded.
        prompt: token ids.
        generation: greedy settings that suit it.
        sampled: settings under which dice are rolled.
        tokens: its tokenizer, where the engine knows none.
        base: says the prompt without any adapter, by a way that knows nothing of the engine; None where there is none.
        loaded: the same with the adapters as loaded.
        close: how far two logarithms may be apart.
    """

    engine: Any
    prompt: Sequence[int]
    generation: dict[str, Any] = field(default_factory=lambda: {"max_new_tokens": 8, "do_sample": False})
    sampled: dict[str, Any] = field(
        default_factory=lambda: {"max_new_tokens": 8, "do_sample": True, "temperature": 1.5}
    )
    tokens: Any = None
    base: Callable[[], Sequence[int]] | None = None
    loaded: Callable[[], Sequence[int]] | None = None
    close: float = CLOSE

    def desk(self) -> Desk:
        return Desk(self.engine)

    def name(self) -> str:
        """An adapter that plays as loaded."""
        return str(self.engine.as_loaded[0])

    def heard(self, desk: Desk, mixes: Sequence[Mix], seed: int = 7, sampled: bool = False, **options: Any) -> Result:
        columns = [Column(str(at), mix) for at, mix in enumerate(mixes)]
        settings = self.sampled if sampled else self.generation
        run = compare(desk, self.tokens, self.prompt, columns, seed=seed, generation=settings, **options)
        for _ in run:
            pass
        return run.result

    def said(self, desk: Desk, mix: Mix, **options: Any) -> tuple[int, ...]:
        return self.heard(desk, [mix], **options).columns[0].token_ids

    def mixes(self, desk: Desk) -> list[Mix]:
        """Some that differ."""
        name = self.name()
        kind = desk.adapters[name].kinds[0]
        return [
            Mix(),
            desk.base(),
            Mix({name: Faders(master=0.5)}),
            Mix({name: Faders(master=2.0, kinds={kind: 0.0})}),
        ]


class Conformance:
    """Tests of an engine: a class of that engine's tests inherits them, and has a fixture `stage`."""

    def test_what_it_cannot_do_it_says_in_a_sentence(self, stage: Stage) -> None:
        for ability in get_args(Ability):
            reason = stage.engine.why_not(ability)
            assert isinstance(reason, str)
            assert not reason or (len(reason) > 10 and not reason.endswith(" ")), ability

    def test_what_it_holds_is_plain_and_stays_the_same(self, stage: Stage) -> None:
        desk = stage.desk()
        assert desk.adapters and not desk.outdated() and not stage.engine.unsettled()
        assert set(desk.chosen) <= set(desk.adapters)
        for name, adapter in desk.adapters.items():
            assert adapter.name == name and adapter.targets
            for target in adapter.targets:
                assert target.scalable == (not target.reason)
        before = dict(desk.adapters)
        desk.refresh()
        assert dict(desk.adapters) == before

    def test_gain_0_is_the_base_and_gain_1_is_as_loaded(self, stage: Stage) -> None:
        desk = stage.desk()
        silent = Mix({name: Faders(master=0.0) for name in desk.adapters})
        assert stage.said(desk, silent) == stage.said(desk, desk.base())
        one = Mix({name: Faders(master=1.0) for name in desk.chosen})
        assert stage.said(desk, one) == stage.said(desk, Mix())
        assert stage.said(desk, desk.base()) != stage.said(desk, Mix()), (
            "the adapter does nothing here: nothing is shown"
        )
        if stage.base is not None:
            assert stage.said(desk, desk.base()) == tuple(stage.base())
        if stage.loaded is not None:
            assert stage.said(desk, Mix()) == tuple(stage.loaded())

    def test_a_column_says_what_it_says_alone(self, stage: Stage) -> None:
        desk = stage.desk()
        mixes = stage.mixes(desk)
        for sampled in (False, True):
            alone = [stage.said(desk, mix, sampled=sampled) for mix in mixes]
            for batched in (True, False):
                result = stage.heard(desk, mixes, sampled=sampled, batched=batched)
                assert [column.token_ids for column in result.columns] == alone
                assert result.batched or result.why_not_batched
                if stage.engine.why_not("rows"):
                    assert not result.batched

    def test_every_column_rolls_the_same_dice(self, stage: Stage) -> None:
        desk = stage.desk()
        mix = stage.mixes(desk)[2]
        result = stage.heard(desk, [mix, mix, mix], sampled=True)
        assert len({column.token_ids for column in result.columns}) == 1
        others = {stage.said(desk, mix, seed=seed, sampled=True) for seed in range(6)}
        assert len(others) > 1, "the seed does nothing"
        assert stage.said(desk, mix, seed=3, sampled=True) == stage.said(desk, mix, seed=3, sampled=True)

    def test_a_text_is_as_likely_as_its_tokens(self, stage: Stage) -> None:
        if stage.engine.why_not("scores"):
            return
        desk = stage.desk()
        mixes = stage.mixes(desk)
        said = [stage.said(desk, mix) for mix in mixes]
        found = score(desk, stage.prompt, said, mixes)
        for at, reply in enumerate(said):
            # What it says greedily is what it finds likeliest, at every token.
            assert found.agreement[at][at] == 1
            assert all(len(found.logprobs[i][at]) == len(reply) for i in range(len(mixes)))
            assert all(logprob <= 0 for i in range(len(mixes)) for logprob in found.logprobs[i][at])
            [[alone]] = score(desk, stage.prompt, [reply], [mixes[at]]).logprobs
            assert alone == pytest.approx(found.logprobs[at][at], abs=stage.close)
            # A part of a text is as likely as it is as a part.
            [[part]] = score(desk, stage.prompt, [reply[:3]], [mixes[at]]).logprobs
            assert part == pytest.approx(alone[:3], abs=stage.close)
        if not stage.engine.why_not("divergence"):
            assert all(found.divergence[at][at] == pytest.approx(0, abs=stage.close) for at in range(len(mixes)))
            assert found.divergence[0][1] > 0

    def test_what_is_on_the_desk_comes_back_however_a_comparison_ends(self, stage: Stage) -> None:
        desk = stage.desk()
        mix = stage.mixes(desk)[2]
        desk.apply(mix)
        targets = [target for adapter in desk.adapters.values() for target in adapter.scalable]
        stood = [desk.scaling(target) for target in targets]
        stage.heard(desk, stage.mixes(desk))
        columns = [Column("A", Mix()), Column("B", desk.base())]
        run = compare(desk, stage.tokens, stage.prompt, columns, seed=7, generation=stage.generation)
        for _ in run:
            break  # nobody listens any more
        assert desk.mix == mix and [desk.scaling(target) for target in targets] == stood
        with pytest.raises(ValueError):
            desk.apply(Mix({"nobody": Faders()}))
        assert desk.mix == mix and [desk.scaling(target) for target in targets] == stood
        desk.reset()
        assert [desk.scaling(target) for target in targets] == [target.scaling for target in targets]

    def test_gains_stand_where_a_mix_puts_them(self, stage: Stage) -> None:
        desk = stage.desk()
        for mix in stage.mixes(desk):
            desk.apply(mix)
            for name in desk.heard(mix):
                for target in desk.adapters[name].scalable:
                    assert desk.scaling(target) == pytest.approx(mix.gain(target) * target.scaling)
        desk.reset()

    def test_a_crossfade_says_what_the_same_gains_say_one_by_one(self, stage: Stage) -> None:
        desk, name = stage.desk(), stage.name()
        adapter = desk.adapters[name]
        one = Mix({name: Faders(master=2.0, kinds={adapter.kinds[0]: 0.5})})
        other = Mix({name: Faders(layers={layer: 0.25 * at for at, layer in enumerate(adapter.layers)})})
        for t in (0.3, 0.75):
            mix = Mix.between(one, other, t)
            gains = {target.name: mix.gain(target) for target in adapter.scalable}
            assert gains == pytest.approx({x.name: (1 - t) * one.gain(x) + t * other.gain(x) for x in adapter.scalable})
            desk.apply(mix)
            for target in adapter.scalable:
                assert desk.scaling(target) == pytest.approx(gains[target.name] * target.scaling)
            assert stage.said(desk, mix) == stage.said(desk, Mix({name: Faders(modules=gains)}))
        half = Mix({name: Faders(master=0.5) for name in desk.chosen})
        assert stage.said(desk, desk.between(desk.base(), Mix(), 0.5)) == stage.said(desk, half)
        desk.reset()

    def test_a_fade_that_stays_where_it_is_is_no_fade(self, stage: Stage) -> None:
        if stage.engine.why_not("fades"):
            return
        desk, name = stage.desk(), stage.name()
        still = Mix({name: Faders(fades={"master": Fade(((0, 0.5), (4, 0.5)))})})
        assert stage.said(desk, still) == stage.said(desk, Mix({name: Faders(master=0.5)}))
        late = Mix({name: Faders(fades={"master": Fade(((0, 1.0), (3, 1.0), (4, 0.0)))})})
        loaded = stage.said(desk, Mix())
        assert stage.said(desk, late)[:4] == loaded[:4]

    def test_so_few_components_are_heard_or_refused_in_a_sentence(self, stage: Stage) -> None:
        desk, name = stage.desk(), stage.name()
        loaded = stage.said(desk, Mix())
        largest = max(target.rank for target in desk.adapters[name].scalable)
        if why_not := stage.engine.why_not("rank") or why_not_rank(desk.adapters[name], Faders(rank=1)):
            with pytest.raises(ValueError, match=why_not[:20]):
                desk.apply(Mix({name: Faders(rank=1)}))
        else:
            one = Mix({name: Faders(rank=1)})
            assert stage.said(desk, one) == stage.said(desk, one)
            assert stage.said(desk, Mix({name: Faders(rank=1, master=0.0)})) == stage.said(
                desk, Mix({name: Faders(on=False)})
            )
            assert stage.said(desk, Mix({name: Faders(rank=largest)})) == loaded
        assert desk.mix == Mix() and stage.said(desk, Mix()) == loaded

    def test_who_is_called_off_says_so_and_leaves_nothing_behind(self, stage: Stage) -> None:
        if stage.engine.why_not("scores"):
            return
        desk = stage.desk()
        with pytest.raises(Cancelled):
            score(desk, stage.prompt, [[1, 2, 3]], [Mix()], cancelled=lambda: True)
        assert stage.said(desk, Mix()) == stage.said(desk, Mix())

    def test_rows_are_refused_by_name_or_run(self, stage: Stage) -> None:
        desk = stage.desk()
        mixes = stage.mixes(desk)
        if why_not := desk.why_not_rows(mixes):
            with pytest.raises(NotInRows, match=why_not[:20]), desk.rows(mixes):
                raise AssertionError("they ran")
        else:
            with desk.rows(mixes):
                pass
        assert not desk.why_not_rows(mixes[:1])

"""A vLLM server as an engine, on one that behaves like it."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.conformance import Conformance, Stage
from helpers.false_vllm import LETTERS, PROMPT, FalseVllm, logits
from helpers.patience import until_known

from lora_mixer.lora_ops import Column, Desk, Faders, Mix, compare
from lora_mixer.lora_ops.engines import vllm
from lora_mixer.lora_ops.engines.sampling import Sampling
from lora_mixer.lora_ops.fade import Fade

HALF = Mix({"pirate": Faders(master=0.5), "butler": Faders(on=False)})


class TestVllm(Conformance):
    @pytest.fixture
    def stage(self, engine: vllm.VllmEngine) -> Stage:
        return Stage(engine, PROMPT)


def heard(engine: vllm.VllmEngine, *mixes: Mix, tokens: int = 8) -> list[tuple[int, ...]]:
    columns = [Column(str(at), mix) for at, mix in enumerate(mixes)]
    run = compare(Desk(engine), None, PROMPT, columns, seed=1, generation={"max_new_tokens": tokens})
    for _ in run:
        pass
    return [column.token_ids for column in run.result.columns]


def test_the_base_is_heard_while_others_hear_adapters(engine: vllm.VllmEngine, server: FalseVllm) -> None:
    """On a processor the server's own model hears an adapter of the same batch: silence is an adapter of its own."""
    server.pause = 0.01
    said, loud, _ = heard(engine, Desk(engine).base(), Mix(), HALF)
    wanted = list(PROMPT)
    for _ in range(len(said)):
        wanted.append(max(range(len(LETTERS)), key=logits({}, wanted).__getitem__))
    assert said == tuple(wanted[len(PROMPT) :]) != loud
    asked = [body["model"] for path, body in server.asked if path == "/v1/completions"]
    assert "letters" not in asked and server.most_at_once == 3


def test_columns_share_the_servers_batch_as_far_as_it_plays_so_many(connect: Any, server: FalseVllm) -> None:
    server.pause = 0.02
    mixes = [Mix({"pirate": Faders(master=0.1 * at)}) for at in range(1, 6)]
    together = heard(connect(at_once=5), *mixes)
    assert server.most_at_once == 5
    server.most_at_once = 0
    assert heard(connect(at_once=2), *mixes) == together
    assert server.most_at_once == 2


def test_a_server_that_takes_no_more_refuses_with_a_word_and_nothing_stays_in_use(
    engine: vllm.VllmEngine, server: FalseVllm
) -> None:
    server.room, server.pause = 2, 0.02
    with pytest.raises(vllm.VllmError, match="takes no more at the moment") as refused:
        heard(engine, Mix(), HALF, Mix({"pirate": Faders(master=0.25)}))
    assert refused.value.status == 503
    until_known(lambda: not server.replying)
    assert all(not served.used for served in engine.stock._served.values())
    assert all(len(said) for said in heard(engine, Mix(), HALF))
    server.room = 0
    with pytest.raises(vllm.VllmError, match="takes no more"):
        list(engine.reply(PROMPT, Sampling(max_new_tokens=4)))
    server.room = None
    assert list(engine.reply(PROMPT, Sampling(max_new_tokens=4)))


def test_a_fader_in_the_middle_of_a_reply_is_obeyed_when_it_stands_still(
    engine: vllm.VllmEngine, server: FalseVllm
) -> None:
    desk, said = Desk(engine), []
    server.pause = 0.02
    for token in engine.reply(PROMPT, Sampling(max_new_tokens=60, extras={"ignore_eos": True})):
        said.append(token.id)
        if len(said) == 4:
            desk.apply(desk.base())
    asked = [body for path, body in server.asked if path == "/v1/completions"]
    assert len({body["model"] for body in asked}) == len(asked) == 2
    before = len(asked[1]["prompt"]) - len(PROMPT)
    assert before >= 4 and tuple(asked[1]["prompt"]) == (*PROMPT, *said[:before])


def test_what_the_server_has_no_form_for_is_told(engine: vllm.VllmEngine) -> None:
    desk = Desk(engine)
    faded = Mix({"pirate": Faders(fades={"master": Fade(((0, 0.0), (9, 1.0)))})})
    with pytest.raises(ValueError, match="as it was loaded"):
        desk.apply(faded)
    assert desk.mix == Mix()
    with pytest.raises(ValueError, match="typical_p"):
        list(engine.reply(PROMPT, Sampling(typical_p=0.5)))
    with pytest.raises(ValueError, match="shorten"):
        list(engine.reply(PROMPT * 20, Sampling()))


def test_a_server_that_was_started_again_is_given_its_adapters_anew(engine: vllm.VllmEngine, server: FalseVllm) -> None:
    before = heard(engine, HALF)
    server.loaded.clear()
    assert heard(engine, HALF) == before
    server.model = "another"
    with pytest.raises(vllm.VllmError, match="connect again"):
        engine.refresh()


@pytest.mark.parametrize(
    ("settings", "match"),
    [({"key": "open"}, "wants another key"), ({"adapters": {}}, "at least one adapter")],
)
def test_what_cannot_be_connected_is_refused(connect: Any, settings: dict[str, Any], match: str) -> None:
    with pytest.raises((vllm.VllmError, ValueError), match=match):
        connect(**settings)


def test_nobody_there_is_told() -> None:
    with pytest.raises((vllm.VllmError, ValueError), match="nothing listens|at least one"):
        vllm.connect("http://127.0.0.1:9", {}, "x")

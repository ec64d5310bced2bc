"""TextGen's chat turns answered by somebody else: through its hook, while it is wanted, and for nobody but its page."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standin.textgen import StandIn
from standin.textgen_model import tiny_model, tiny_tokenizer, with_adapter
from standin.textgen_page import a_chat, values

from lora_mixer.hosts.textgen.host import TextGenHost
from lora_mixer.hosts.textgen.turns import HOOK

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("extensions", "user_data/extensions")


@pytest.fixture(params=FOLDERS)
def textgen(tmp_path, request) -> Iterator[StandIn]:
    standin = StandIn(tmp_path, with_adapter(tiny_model(), "pirate"), tiny_tokenizer())
    (tmp_path / request.param / "lora-mixer").symlink_to(ROOT, target_is_directory=True)
    with standin.installed():
        standin.load_extensions("lora-mixer")
        yield standin


@pytest.fixture
def host(textgen) -> Iterator[TextGenHost]:
    made = TextGenHost()
    yield made
    made.answer_turns(None)


class Parrot:
    """Says what it is told to, and remembers what it was asked."""

    def __init__(self, *texts: str, fail: bool = False) -> None:
        self.texts, self.fail, self.closed = texts, fail, False
        self.asked: list[Any] = []

    def __call__(self, request: Any) -> Iterator[str]:
        self.asked.append(request)
        try:
            yield from self.texts
            if self.fail:
                raise ValueError("no second reply")
        finally:
            self.closed = True


def chat(textgen: StandIn, text: str = "", changes: Any = None, **how: Any) -> str:
    """A turn of the chat, as its buttons begin it; what is answered."""
    given = values(**{"history": a_chat(), "seed": 3, "max_new_tokens": 12, "ban_eos_token": True, **(changes or {})})
    state = textgen.ui.gather_interface_values(*copy.deepcopy(given))
    list(textgen.chat.generate_chat_reply_wrapper(text, state, **how))
    return str(state["history"]["internal"][-1][1])


def test_turns_and_those_asked_again_are_answered_by_somebody_else_until_they_are_not(textgen, host):
    own = chat(textgen, "Ahoy?")
    parrot = Parrot("Arr", "Arr, matey")
    host.answer_turns(parrot)
    assert chat(textgen, "Ahoy?") == chat(textgen, regenerate=True) == "Arr, matey"
    (said, _) = parrot.asked
    assert "Ahoy?" in said.prompt and said.sampling.max_new_tokens == 12 and said.seed == 3
    assert said.token_ids and parrot.closed
    host.answer_turns(None)
    module = next(module for module, _ in textgen.extensions.iterator())
    assert not hasattr(module, HOOK) and chat(textgen, "Ahoy?") == own


def test_what_is_asked_is_what_the_host_itself_would_have_asked(textgen, host):
    parrot = Parrot("x")
    host.answer_turns(parrot)
    given = {"custom_stopping_strings": '"STOP"', "temperature": 0.5}
    chat(textgen, regenerate=True, changes=given)
    again = host.ask_again(values(history=a_chat(), seed=3, max_new_tokens=12, ban_eos_token=True, **given))
    (asked,) = parrot.asked
    assert asked.prompt == again.prompt == host.prompt_again(values(history=a_chat(), **given))
    assert asked.token_ids == again.token_ids
    assert asked.stop_strings == again.stop_strings and "STOP" in asked.stop_strings
    left_out = {"logits_processor", "stopping_criteria"}
    one, other = asked.sampling.to_dict(), again.sampling.to_dict()
    assert {key: str(one[key]) for key in set(other) - left_out} == {
        key: str(value) for key, value in other.items() if key not in left_out
    }


def test_nobody_but_the_page_is_answered_that_way(textgen, host):
    state = textgen.ui.gather_interface_values(*values(history=a_chat(), seed=3, max_new_tokens=12))
    ask = textgen.text_generation.generate_reply
    own = [list(ask("Ahoy", dict(state), [], is_chat=is_chat))[-1] for is_chat in (True, False)]
    continued = chat(textgen, _continue=True)
    parrot = Parrot("Arr")
    host.answer_turns(parrot)
    assert [list(ask("Ahoy", dict(state), [], is_chat=is_chat))[-1] for is_chat in (True, False)] == own
    assert chat(textgen, _continue=True) == continued
    request = host.ask_again(values(history=a_chat(), seed=3, max_new_tokens=6))
    with host.lock:
        list(host.generate(request))
    assert parrot.asked == []


def test_an_answerer_that_fails_never_harms_the_chat(textgen, host):
    own = chat(textgen, "Ahoy?")
    for parrot in (Parrot(fail=True), Parrot("Ar", fail=True)):
        host.answer_turns(parrot)
        assert chat(textgen, "Ahoy?") == own and parrot.asked and parrot.closed


def test_the_hosts_stop_closes_it(textgen, host):
    def stopping(request: Any) -> Iterator[str]:
        yield "one"
        textgen.shared.stop_everything = True
        yield "one two"
        raise AssertionError("it goes on after it was stopped")

    host.answer_turns(stopping)
    assert chat(textgen, "Ahoy?").startswith("one")
    assert not textgen.shared.generation_lock.locked()


def test_a_page_that_is_built_anew_is_told_again(textgen, host):
    parrot = Parrot("Arr")
    host.answer_turns(parrot)
    textgen.load_extensions()
    host.answer_turns(parrot)
    assert chat(textgen, "Ahoy?") == "Arr"


def test_strangers_are_answered_once(textgen, host):
    textgen.shared.args.multi_user = True
    parrot = Parrot("Arr")
    host.answer_turns(parrot)
    assert chat(textgen, "Ahoy?") != "Arr" and parrot.asked == []

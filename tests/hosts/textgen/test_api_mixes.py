"""TextGen's own API takes a mix for one request alone, and is as it was without one, and once the coats are off."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standin.textgen import StandIn
from standin.textgen_api import installed_api
from standin.textgen_model import tiny_model, tiny_tokenizer, with_adapter
from starlette.testclient import TestClient

from lora_mixer.hosts.textgen import api_mixes
from lora_mixer.hosts.textgen.host import TextGenHost
from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.profile import Profile
from lora_mixer.lora_ops.profiles import FOLDER, Profiles

KEY = {"Authorization": "Bearer sesame", "Host": "127.0.0.1"}
CHAT, COMPLETIONS, MODELS = "/v1/chat/completions", "/v1/completions", "/v1/models"
PLAIN = {"temperature": 0, "max_tokens": 8}


@pytest.fixture(scope="module")
def textgen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    root = tmp_path_factory.mktemp("textgen")
    standin = StandIn(root, with_adapter(tiny_model(), "pirate"), tiny_tokenizer())
    with standin.installed():
        yield standin


@pytest.fixture
def host(textgen: StandIn) -> TextGenHost:
    host = TextGenHost()
    profiles = Profiles(Path(textgen.shared.user_data_dir, "lora-mixer", FOLDER))
    if not profiles.list():
        profiles.save(Profile(name="softer", mix=Mix({"pirate": Faders(master=0.25)})))
        profiles.save(Profile(name="stranger", mix=Mix({"butler": Faders()})))
    return host


@pytest.fixture
def desk(host: TextGenHost) -> Iterator[Desk]:
    made = Desk(host.engine, host.lock)
    yield made
    made.reset()


@pytest.fixture
def api(textgen: StandIn, host: TextGenHost, desk: Desk) -> Iterator[TestClient]:
    with installed_api(textgen, "sesame") as app:
        host.watch_requests(lambda: desk)
        with TestClient(app, headers=KEY) as client:
            yield client
        api_mixes.release()


def text(api: TestClient, **more: Any) -> str:
    answer = api.post(COMPLETIONS, json={"prompt": "Ahoy", **PLAIN, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["text"])


def under(api: TestClient, desk: Desk, mix: Mix) -> str:
    """What is said when the faders stand there."""
    before = desk.mix
    desk.apply(mix)
    try:
        return text(api)
    finally:
        desk.apply(before)


def test_each_request_is_answered_under_the_mix_that_it_asks_for(api: TestClient, desk: Desk) -> None:
    desk.apply(Mix({"pirate": Faders(master=3)}))
    asked: dict[Any, Mix] = {
        "softer": Mix({"pirate": Faders(master=0.25)}), 0: desk.base(), 2: Mix({"pirate": Faders(master=2)}),
        None: desk.mix,
    }  # fmt: skip
    said = {name: text(api, lora_mix=name) for name in asked}
    assert said == {name: under(api, desk, mix) for name, mix in asked.items()} and len(set(said.values())) == 4
    assert text(api, model="tiny:softer") == said["softer"] and text(api, model="gpt-4") == said[None]
    assert desk.mix["pirate"].master == 3
    chat = api.post(CHAT, json={"messages": [{"role": "user", "content": "Ahoy"}], **PLAIN, "lora_mix": 0})
    assert chat.json()["choices"][0]["text"] == said[0]


def test_two_at_once_each_get_their_own_streaming_or_not_and_the_chat_its_faders(
    api: TestClient, textgen: StandIn, desk: Desk
) -> None:
    mixes = [0, 1, 2, None]
    alone, together = [text(api, lora_mix=mix) for mix in mixes], {}

    def ask(at: int) -> None:
        said = {"prompt": "Ahoy", **PLAIN, "lora_mix": mixes[at % 4], "stream": at >= 4}
        answer = api.post(COMPLETIONS, json=said)
        pieces = [json.loads(line[6:]) for line in answer.text.split("\n\n") if at >= 4 and '"text"' in line]
        together[at] = pieces[-1]["text"] if pieces else answer.json()["choices"][0]["text"]

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert together == {at: alone[at % 4] for at in range(8)}
    assert not textgen.shared.generation_lock.locked() and desk.mix == Mix()


def test_a_fader_that_is_moved_meanwhile_is_heard_after(api: TestClient, desk: Desk, textgen: StandIn) -> None:
    alone, loud = text(api, lora_mix=0), Mix({"pirate": Faders(master=3)})
    own = textgen.text_generation.generate_reply_HF

    def moved(*args: Any, **kwargs: Any) -> Iterator[str]:
        for reply in own(*args, **kwargs):
            desk.apply(loud)
            yield reply

    textgen.text_generation.generate_reply_HF = moved
    try:
        assert text(api, lora_mix=0) == alone
    finally:
        textgen.text_generation.generate_reply_HF = own
    assert desk.mix == loud and text(api) == text(api, lora_mix=3) != alone


def test_profiles_that_fit_are_models(api: TestClient, textgen: StandIn) -> None:
    assert [one["id"] for one in api.get(MODELS).json()["data"]] == ["tiny", "tiny:softer"]
    textgen.shared.model_name = "None"
    try:
        assert api.get(MODELS).json()["data"] == []
    finally:
        textgen.shared.model_name = "tiny"


@pytest.mark.parametrize(
    ("more", "code", "names"),
    [
        ({"lora_mix": "loud"}, "profile_not_found", "loud"),
        ({"lora_mix": "stranger"}, "invalid_lora_mix", "butler"),
        ({"lora_mix": {"butler": 1}}, "invalid_lora_mix", "butler"),
        ({"lora_mix": []}, "invalid_lora_mix", "lora_mix"),
        ({"model": "tiny:loud"}, "model_not_found", "loud"),
        ({"model": "tiny:softer", "lora_mix": 1}, "invalid_lora_mix", "softer"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_not_there_is_refused_before_anything_is_said(
    api: TestClient, more: dict[str, Any], code: str, names: str, stream: bool
) -> None:
    answer = api.post(COMPLETIONS, json={"prompt": "Ahoy", **PLAIN, **more, "stream": stream})
    assert answer.status_code == 400 and answer.json()["error"]["code"] == code
    assert names in answer.json()["error"]["message"]


def test_who_has_no_key_or_comes_to_another_name_is_told_nothing_of_profiles(api: TestClient) -> None:
    said = {"prompt": "Ahoy", **PLAIN, "lora_mix": "loud"}
    for headers, status in (({"Authorization": "Bearer x"}, 401), ({"Host": "evil.example"}, 400)):
        answer = api.post(COMPLETIONS, json=said, headers=headers)
        assert answer.status_code == status and "loud" not in answer.text and "detail" in answer.json()


def test_what_the_host_refuses_it_refuses_itself(api: TestClient) -> None:
    for body in (b"{", b"5", b"", b'{"lora_mix": null}', b"[" * 100_000):
        headers = {"Content-Type": "application/json"}
        assert api.post(COMPLETIONS, content=body, headers=headers).status_code in (400, 422)
    twice = b'{"prompt": "Ahoy", "lora_mix": 0, "lora_mix": 1}'
    refused = api.post(COMPLETIONS, content=twice, headers={"Content-Type": "application/json"})
    assert refused.status_code == 400 and "twice" in refused.json()["error"]["message"]


def test_a_model_that_is_gone_by_its_turn_is_told(api: TestClient, host: TextGenHost, desk: Desk) -> None:
    engine = host.engine
    assert engine is not None
    engine.desk = None
    answer = api.post(COMPLETIONS, json={"prompt": "Ahoy", **PLAIN, "lora_mix": 0})
    assert answer.status_code == 503 and "ask again" in answer.json()["error"]["message"]


def test_coats_are_put_on_once_and_come_off_wholly(api: TestClient, textgen: StandIn, host: TextGenHost) -> None:
    said = text(api, lora_mix=0)
    for _ in range(2):
        host.watch_requests(lambda: host.engine.desk)
    assert text(api, lora_mix=0) == said
    api_mixes.release()
    names = [(sys.modules["modules.api.models"], "list_models_openai_format")]
    names.append((sys.modules["modules.text_generation"], "_generate_reply"))
    assert not any(hasattr(getattr(module, name), "lora_mixer") for module, name in names)
    assert text(api, lora_mix=0) == text(api) != said, "the host drops what it does not know"
    assert [one["id"] for one in api.get(MODELS).json()["data"]] == ["tiny"]


def test_a_host_without_its_api_is_left_alone(textgen: StandIn, host: TextGenHost) -> None:
    before = textgen.text_generation._generate_reply
    host.watch_requests(lambda: None)
    assert textgen.text_generation._generate_reply is before
    assert not api_mixes.has_api() and not api_mixes.is_alone()


def test_the_extension_opens_its_door_for_an_api_without_a_page(tmp_path: Path) -> None:
    standin = StandIn(tmp_path, with_adapter(tiny_model(), "pirate"), tiny_tokenizer())
    root = Path(__file__).resolve().parents[3]
    (tmp_path / "user_data" / "extensions" / "lora-mixer").symlink_to(root, target_is_directory=True)
    door = sys.modules["lora_mixer"].__dict__.pop("door", None)
    try:
        with standin.installed(), installed_api(standin, "sesame") as app:
            standin.shared.args.nowebui = True
            standin.load_extensions("lora-mixer")
            with TestClient(app, headers=KEY) as api:
                assert len({text(api, lora_mix=mix) for mix in (0, 1, 2)}) == 3
            api_mixes.release()
    finally:
        sys.modules["lora_mixer"].__dict__.pop("door", None)
        if door is not None:
            sys.modules["lora_mixer"].__dict__["door"] = door

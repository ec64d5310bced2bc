"""TextGen as a host: whether there is anything to mix, and what is asked, measured against the stand-in."""

from __future__ import annotations

import copy
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peft import LoraConfig
from textgen_standin import StandIn
from textgen_standin_model import save_adapter, tiny_model, tiny_tokenizer, with_adapter
from textgen_standin_page import a_chat, values

from lora_mixer.hosts.protocol import Host, HostError
from lora_mixer.hosts.textgen import TextGenHost
from lora_mixer.lora_ops import Desk, Faders, Mix

MODES = ("instruct", "chat-instruct", "chat")
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def loaded():
    return with_adapter(tiny_model(), "pirate"), tiny_tokenizer()


@pytest.fixture
def textgen(tmp_path, loaded):
    """A running stand-in, with a model and an adapter."""
    with StandIn(tmp_path, *loaded).installed() as standin:
        yield standin


@pytest.fixture
def host(textgen) -> Host:
    return TextGenHost()


def asked_by_host(textgen: StandIn, values_: list[Any], text: str = "", **kwargs: Any) -> dict[str, Any]:
    """What the stand-in's own chat would generate from."""
    asked: dict[str, Any] = {}

    def generate_reply(prompt, state, stopping_strings, **_):
        asked.update(prompt=prompt, state=state, stopping_strings=stopping_strings)
        yield "x"

    before, textgen.chat.generate_reply = textgen.chat.generate_reply, generate_reply
    try:
        state = textgen.ui.gather_interface_values(*copy.deepcopy(values_))
        list(textgen.chat.generate_chat_reply_wrapper(text, state, **kwargs))
    finally:
        textgen.chat.generate_reply = before
    return asked


# -- at rest


def test_importing_it_imports_nothing_heavy():
    heavy = ["torch", "transformers", "peft", "gradio", "numpy", "jinja2", "modules"]
    conftest = str(Path(__file__).with_name("conftest.py"))
    code = (
        f"import runpy, sys; runpy.run_path({conftest!r}); import lora_mixer.hosts.textgen\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_all_is_well_with_a_model_and_an_adapter(host, loaded):
    assert host.trouble() is None
    assert (host.model, host.tokenizer, host.model_name, host.multi_user) == (*loaded, "tiny", False)


def test_follows_a_model_that_is_replaced(textgen, host):
    textgen.models.unload_model()
    assert (host.model, host.tokenizer, host.model_name) == (None, None, "")
    assert "No model" in host.trouble().title
    textgen.shared.model = another = with_adapter(tiny_model(), "other")
    assert host.model is another
    assert host.trouble() is None


class LlamaServer:
    """Not a torch model, like that of llama.cpp."""


@pytest.mark.parametrize(
    ("model", "loader", "title"),
    [
        (LlamaServer(), "llama.cpp", "llama.cpp cannot mix adapters"),
        (LlamaServer(), None, "LlamaServer cannot mix adapters"),
        (torch.nn.Linear(2, 2), "ExLlamav3_HF", "ExLlamav3_HF cannot mix adapters"),
    ],
)
def test_another_loader_is_named_with_the_one_that_is_needed(textgen, host, model, loader, title):
    textgen.shared.model, textgen.shared.args.loader = model, loader
    trouble = host.trouble()
    assert trouble.title == title
    assert "Transformers loader" in trouble.advice
    with pytest.raises(HostError, match="Transformers loader"):
        host.ask_again(values(history=a_chat()))


def test_no_adapter_says_where_adapters_are_applied_and_looked_for(textgen, host):
    textgen.shared.model = tiny_model()
    assert host.trouble().title == "No adapter is loaded"
    assert "Model tab" in host.trouble().advice
    assert textgen.shared.args.lora_dir in host.trouble().advice


def test_an_adapter_that_was_taken_away_is_no_adapter(textgen, host):
    textgen.shared.model = with_adapter(tiny_model(), "pirate").unload()
    textgen.shared.model.peft_config = {"pirate": object()}  # what PEFT leaves behind
    assert host.trouble().title == "No adapter is loaded"
    assert host.merged_sources() == []


def test_multi_user_troubles_name_flags_and_no_folder(textgen, host):
    textgen.shared.args.multi_user = True
    for model in (None, tiny_model(), LlamaServer()):
        textgen.shared.model = model
        assert "--lora" in host.trouble().advice
        assert str(textgen.root) not in host.trouble().advice


def test_a_model_unloaded_while_idle_is_said_to_be(textgen, host):
    textgen.shared.args.idle_timeout = 5
    textgen.models.unload_model(keep_model_name=True)
    assert "idle" in host.trouble().title


def test_trouble_never_raises(textgen, host):
    del textgen.shared.args
    assert "cannot be read" in host.trouble().advice
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "modules.shared")
        patch.delitem(sys.modules, "modules")
        assert "ModuleNotFoundError" in host.trouble().advice


@pytest.mark.parametrize(("ranks", "active"), [((4, 4), ["__merged"]), ((4, 8), ["a"])])
def test_several_loras_are_offered_as_sources(textgen, host, ranks, active):
    textgen.shared.model = tiny_model()
    for name, rank in zip("ab", ranks, strict=True):
        save_adapter(textgen.shared.user_data_dir / "loras" / name, rank)
    textgen.LoRA.add_lora_to_model(["a"])
    assert host.merged_sources() == []
    textgen.LoRA.add_lora_to_model(["a", "b"])
    assert host.model.active_adapters == active
    assert host.merged_sources() == ["a", "b"]


def test_the_lock_is_the_host_s_and_is_got_when_the_model_is_at_rest(textgen, host):
    leave = threading.Event()

    def gentask():  # the host's thread, which is still in the model when the host's lock is free again
        leave.wait(10)

    thread = threading.Thread(target=gentask)
    thread.start()
    threading.Timer(0.2, leave.set).start()
    with host.lock:
        assert not thread.is_alive()
        assert textgen.shared.generation_lock.locked()
        assert host.lock.locked()
        assert not host.lock.acquire(blocking=False)
    assert host.lock.acquire(timeout=1)
    host.lock.release()
    assert not textgen.shared.generation_lock.locked()


# -- what is asked


SETTINGS = [
    {},
    {"start_with": "Sure, "},
    {"start_with": "Arr <user>"},
    {"custom_system_message": "Be short.", "custom_stopping_strings": r'"\nX", "Y"'},
    {"selected_tools": ["clock"], "mcp_servers": "weather clock"},
    {"enable_thinking": True},
    {"truncation_length": 180, "max_new_tokens": 40},  # the host drops the first turn
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("changes", SETTINGS, ids=str)
def test_asks_again_what_regenerate_would_ask(textgen, host, mode, changes):
    given_ = values(mode=mode, history=a_chat(), **changes)
    before = copy.deepcopy(given_)
    request = host.ask_again(given_)
    assert given_ == before
    expected = asked_by_host(textgen, given_, regenerate=True)
    assert request.prompt == expected["prompt"]
    assert request.state["add_bos_token"] == expected["state"]["add_bos_token"]
    assert set(expected["stopping_strings"]) <= set(request.stop_strings)
    if "custom_stopping_strings" in changes:
        assert request.stop_strings[-2:] == ("\nX", "Y")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("changes", SETTINGS[:-1], ids=str)
def test_asks_a_typed_text_as_a_new_chat_would(textgen, host, mode, changes):
    given_ = values(mode=mode, history=a_chat(), **changes)
    request = host.ask("Sing a <user> song", given_)
    alone = values(mode=mode, unique_id="new", **changes)
    assert request.prompt == asked_by_host(textgen, alone, "Sing a <user> song")["prompt"]


@pytest.mark.parametrize("mode", MODES)
def test_a_system_message_of_its_own_stands_where_the_chats_own_would(textgen, host, mode):
    own = {"custom_system_message": "Be brief.", "context": "Be brief."}
    given_ = values(mode=mode, **own)
    before = copy.deepcopy(given_)
    request = host.ask("Sing", given_, system="Be loud.")
    loud = values(mode=mode, unique_id="new", custom_system_message="Be loud.", context="Be loud.")
    assert "Be loud." in request.prompt and "Be brief." not in request.prompt and given_ == before
    assert request.prompt == asked_by_host(textgen, loud, "Sing")["prompt"]
    assert host.ask("Sing", given_, system=" ").prompt == host.ask("Sing", given_).prompt


def test_other_extensions_have_their_say(textgen, host):
    def before(history):
        return {**history, **{side: [["(before)", "Yes?"], *history[side]] for side in ("internal", "visible")}}

    modifier = SimpleNamespace(
        history_modifier=before,
        state_modifier=lambda state: {**state, "custom_system_message": "From an extension."},
        bot_prefix_modifier=lambda prefix, state: prefix + " *thinks*",
        input_modifier=lambda text, state, is_chat: text.upper(),
    )
    textgen.extensions._loaded["other"] = modifier
    for mode in MODES:
        given_ = values(mode=mode, history=a_chat())
        assert host.ask_again(given_).prompt == asked_by_host(textgen, given_, regenerate=True)["prompt"]
        assert "(before)" in host.ask_again(given_).prompt
        assert "SING" in host.ask("sing", given_).prompt
    modifier.custom_generate_chat_prompt = lambda text, state, history, **_: f"{text}|{len(history['internal'])}"
    assert host.ask_again(given_).prompt == "Where is Paris?|2"


def test_a_reply_s_tool_calls_are_not_shown_to_the_model_that_is_asked_again(textgen, host):
    history = a_chat()
    history["metadata"]["assistant_1"] = {"tool_sequence": [{"role": "tool", "content": "12:00"}]}
    seen = {}
    textgen.extensions._loaded["spy"] = SimpleNamespace(history_modifier=lambda h: seen.update(h) or h)
    host.ask_again(values(history=history))
    assert seen["metadata"]["assistant_1"] == {}
    assert "tool_sequence" in history["metadata"]["assistant_1"]


REFUSING = "{{ raise_exception('roles must alternate') }}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"history": {"internal": [], "visible": [], "metadata": {}}, "unique_id": None}, "no message to ask again"),
        ({"history": None, "unique_id": None}, "no message to ask again"),
        ({"history": a_chat(("", "Welcome."))}, "no message to ask again"),
        ({"truncation_length": 40, "max_new_tokens": 20}, "20 tokens are left"),
        ({"truncation_length": 64, "max_new_tokens": 64}, "0 tokens are left"),
        ({"instruction_template_str": REFUSING}, "template refuses this chat: roles must alternate"),
        ({"instruction_template_str": "{% if %}"}, "template refuses"),
        ({"instruction_template_str": "{% if messages[0].content != 'first' %}" + REFUSING + "{% endif %}"}, "refuses"),
        ({"custom_stopping_strings": '"open'}, "stopping strings cannot be read"),
        ({"custom_token_bans": "7,x"}, "settings cannot be used: ValueError.*'x'"),
        ({"mode": "chat", "name2": ""}, "No character"),
    ],
)
def test_says_why_it_cannot_ask(host, changes, message):
    with pytest.raises(HostError, match=message):
        host.ask_again(values(**{"history": a_chat(), **changes}))


def test_a_prompt_of_an_extension_is_refused_when_the_host_would_cut_it(textgen, host):
    textgen.extensions._loaded["long"] = SimpleNamespace(custom_generate_chat_prompt=lambda *_, **__: "x" * 500)
    with pytest.raises(HostError, match="has 500 tokens.*456 tokens are left"):
        host.ask_again(values(history=a_chat(), truncation_length=520))


def test_empty_text_is_no_prompt(host):
    with pytest.raises(HostError, match="Type a prompt"):
        host.ask(" \n", values())


# -- the recorded call


some_settings = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0.1, 3, allow_nan=False),
        "top_k": st.integers(0, 50),
        "do_sample": st.booleans(),
        "ban_eos_token": st.booleans(),
        "custom_token_bans": st.sampled_from(["", "5", "5, 6,", "nonsense"]),
        "auto_max_new_tokens": st.booleans(),
        "negative_prompt": st.sampled_from(["", "rude"]),
        "guidance_scale": st.sampled_from([1.0, 1.5]),
        "prompt_lookup_num_tokens": st.sampled_from([0, 3]),
        "static_cache": st.booleans(),
        "penalty_alpha": st.sampled_from([0.0, 0.6]),
        "seed": st.integers(-1, 2**40),
        "mode": st.sampled_from(MODES),
        "max_new_tokens": st.integers(1, 1200),
    },
)


def comparable(arguments: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value.tolist() if isinstance(value, torch.Tensor) else value for key, value in arguments.items()}
    return {key: value for key, value in plain.items() if key not in ("inputs", "stopping_criteria")}


@QUICK
@given(changes=some_settings)
def test_records_what_the_host_passes_and_leaves_no_trace(textgen, host, changes):
    model, given_ = textgen.shared.model, values(history=a_chat(), **changes)
    dice = torch.get_rng_state(), random.getstate()
    try:
        request = host.ask_again(given_)
    except HostError:
        assert changes.get("custom_token_bans") == "nonsense" or changes.get("max_new_tokens", 0) > 700
        request = None
    assert torch.equal(torch.get_rng_state(), dice[0])
    assert random.getstate() == dice[1]
    assert "generate" not in vars(model)
    assert not textgen.shared.generation_lock.locked()
    if request is None:
        return
    assert request.seed != -1
    assert changes.get("seed", -1) in (-1, request.seed)

    calls: list[dict[str, Any]] = []
    model.generate = lambda **kwargs: calls.append(kwargs) or kwargs["inputs"]
    try:
        state = textgen.ui.gather_interface_values(*given_)
        list(textgen.chat.generate_chat_reply_wrapper("", state, regenerate=True))
    finally:
        del model.generate
    assert torch.equal(request.input_ids, calls[0]["inputs"])
    assert comparable(request.generation) == comparable(calls[0])


def test_a_generate_of_someone_else_is_put_back(textgen, host):
    textgen.shared.model.generate = own = lambda **_: None
    try:
        host.ask_again(values(history=a_chat()))
        assert vars(textgen.shared.model)["generate"] is own
    finally:
        del textgen.shared.model.generate


def test_a_model_replaced_meanwhile_is_said(textgen, host):
    def reload(state, prompt, input_ids, embeds):
        textgen.shared.model = SimpleNamespace(generate=lambda **kwargs: kwargs["inputs"])
        return prompt, input_ids, embeds

    textgen.extensions._loaded["reloader"] = SimpleNamespace(tokenizer_modifier=reload)
    with pytest.raises(HostError, match="try again"):
        host.ask_again(values(history=a_chat()))


def test_a_host_that_is_too_fast_for_its_clock_is_fine(textgen, host, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 7.0)  # the host divides by the time that it took
    assert host.ask_again(values(history=a_chat())).generation["max_new_tokens"] == 64


def test_random_seeds_differ_and_asking_keeps_the_idle_timer_away(textgen, host):
    seeds = {host.ask_again(values(history=a_chat())).seed for _ in range(5)}
    assert len(seeds) == 5
    assert textgen.models.last_generation_time > time.time() - 60
    assert host.ask_again(values(history=a_chat(), seed=None)).seed > 0
    assert host.ask_again(values(history=a_chat(), seed=7.0)).seed == 7


# -- adapters come and go


@pytest.fixture
def loras(textgen) -> Path:
    """Two adapters of different ranks, one of the same rank as the first, and a run with checkpoints."""
    folder = Path(textgen.shared.args.lora_dir)
    for seed, (name, rank) in enumerate(
        [("pirate", 4), ("butler", 2), ("poet", 4), ("run/checkpoint-5", 8), ("run/checkpoint-10", 8), ("v1.5 x", 4)], 1
    ):
        save_adapter(folder / name, rank, seed=seed)
    return folder.resolve()


@pytest.fixture
def bare(textgen, loras) -> Any:
    """The stand-in's model without adapters."""
    textgen.shared.model = tiny_model()
    return textgen.shared.model


def said(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.arange(3, 9)[None]).logits


def agree(textgen: StandIn, host: Host) -> list[str]:
    """What the host's own menu shows, which must be what is in the layers."""
    names = list(textgen.shared.lora_names)
    assert list(host.loaded_adapters().values()) == [host.lora_dir / name for name in names]
    assert set(host.model.active_adapters if names else ()) == set(host.loaded_adapters())
    with gr.Blocks():
        textgen.shared.gradio["lora_menu"] = gr.Dropdown(multiselect=True)
    [update] = host.adapter_menu_updates()
    assert update["value"] == names and set(names) <= set(update["choices"])
    assert {"None", "pirate", "butler"} <= set(update["choices"])
    return names


def test_folders(textgen, host, loras):
    assert host.lora_dir == loras and host.shelf_folders() == [loras]
    assert host.user_data == textgen.shared.user_data_dir.resolve() / "lora-mixer"
    assert not host.user_data.exists()
    assert host.model_dir == textgen.shared.user_data_dir.resolve() / "models"
    textgen.shared.args.multi_user = True
    assert (host.lora_dir, host.model_dir, host.user_data, host.shelf_folders()) == (None, None, None, [])


def test_loads_switches_and_unloads_with_the_host_s_menu(textgen, host, bare):
    plain = said(bare)
    assert host.loaded_adapters() == {}
    assert host.load_adapters(["pirate"]) == {"pirate": "pirate"}
    first = said(host.model)
    assert agree(textgen, host) == ["pirate"] and not torch.equal(first, plain)
    host.load_adapters(["butler", "run/checkpoint-10"], keep=True)
    assert agree(textgen, host) == ["pirate", "butler", "run/checkpoint-10"]
    assert host.merged_sources() == []  # nothing was blended, so there is nothing to play apart
    host.load_adapters(["poet"], keep=True)  # of the rank of the first, for which the host would make a blend
    assert agree(textgen, host) == ["pirate", "butler", "run/checkpoint-10", "poet"]
    host.unload_adapters(["butler", "poet"])
    host.unload_adapters(["run/checkpoint-10"])
    assert agree(textgen, host) == ["pirate"] and torch.equal(said(host.model), first)
    host.load_adapters(["v1.5 x"])
    assert list(host.loaded_adapters()) == ["v1_5 x"] and agree(textgen, host) == ["v1.5 x"]
    host.unload_adapters()
    assert host.model is bare and agree(textgen, host) == [] and torch.equal(said(bare), plain)
    assert not textgen.shared.generation_lock.locked()


def test_loads_beside_what_the_host_loaded(textgen, host, bare):
    textgen.LoRA.add_lora_to_model(["pirate"])
    alone = said(host.model)
    textgen.LoRA.add_lora_to_model(["pirate", "poet"])
    assert host.model.active_adapters == ["__merged"] and list(host.loaded_adapters()) == ["pirate", "poet"]
    host.load_adapters(["butler"], keep=True)
    assert agree(textgen, host) == ["pirate", "poet", "butler"] and host.merged_sources() == []
    host.unload_adapters(["poet", "butler"])
    assert agree(textgen, host) == ["pirate"] and torch.equal(said(host.model), alone)


def test_the_host_s_menu_goes_on_from_there(textgen, host, bare):
    """And what it leaves behind keeps nothing out of the layers."""
    host.load_adapters(["pirate", "butler"])
    textgen.LoRA.add_lora_to_model(["butler"])
    assert agree(textgen, host) == ["butler"]
    textgen.LoRA.add_lora_to_model([])
    assert agree(textgen, host) == []
    bare.peft_config = {"pirate": LoraConfig()}  # as the host's way leaves it, in the PEFT that it pins
    host.load_adapters(["pirate"])
    assert agree(textgen, host) == ["pirate"] and not torch.equal(said(host.model), said_without(host.model))


def said_without(model: Any) -> torch.Tensor:
    with model.disable_adapter():
        return said(model)


def test_heals_lora_names_that_say_nothing(textgen, host, bare):
    """Two LoRAs at once make the host fail half way: they are in the model, and its list is empty."""
    textgen.LoRA.add_lora_to_model(["pirate", "butler"])
    textgen.shared.lora_names = []
    host.load_adapters(["poet"], keep=True)
    assert agree(textgen, host) == ["pirate", "butler", "poet"]


def test_what_cannot_be_loaded_leaves_everything_as_it_was(textgen, host, bare, loras, tmp_path):
    host.load_adapters(["pirate"])
    before, text = host.model, said(host.model)
    (loras / "butler" / "adapter_model.safetensors").write_bytes(b"half")
    for name in ("outside", "linked"):
        save_adapter(tmp_path / name)
    (loras / "link").symlink_to(tmp_path / "linked")
    for asked, says in (
        (["poet", "butler"], "cut off"),
        (["pirat"], "There is pirate"),
        (["link"], "symbolic link"),
        ([tmp_path / "outside"], "put it into their folder"),
        (["None"], "no adapter 'None'"),
        (["../../../outside"], "no adapter"),
    ):
        for keep in (True, False):
            with pytest.raises(HostError, match=says):
                host.load_adapters(asked, keep=keep)
    with pytest.raises(HostError, match="'poet' is not loaded"):
        host.unload_adapters(["pirate", "poet"])
    assert host.model is before and torch.equal(said(before), text)
    assert agree(textgen, host) == ["pirate"] and not textgen.shared.generation_lock.locked()


def test_adapters_wait_until_the_model_is_at_rest(textgen, host, bare):
    seen = []
    with host.lock:
        thread = threading.Thread(target=lambda: host.load_adapters(["pirate"], on_loaded=seen.append))
        thread.start()
        time.sleep(0.3)
        assert not seen and host.loaded_adapters() == {}
    thread.join(20)
    assert seen == [{"pirate": "pirate"}] and list(host.loaded_adapters()) == ["pirate"]


def test_the_first_gains_are_set_before_anything_is_generated(textgen, host, bare):
    def quieter(names):
        assert textgen.shared.generation_lock.locked() and textgen.shared.lora_names == ["pirate"]
        Desk(host.model).apply(Mix({names["pirate"]: Faders(master=0.0)}))

    plain = said(bare)
    host.load_adapters(["pirate"], on_loaded=quieter)
    assert torch.equal(said(host.model), plain)


def test_adapters_need_a_model_of_transformers_and_a_user_of_one_s_own(textgen, host, bare):
    textgen.shared.args.loader = "ExLlamav3_HF"
    with pytest.raises(HostError, match="ExLlamav3_HF does not load adapters"):
        host.load_adapters(["pirate"])
    textgen.shared.args.loader = "Transformers"
    textgen.models.unload_model()
    with pytest.raises(HostError, match="no model"):
        host.unload_adapters()
    textgen.shared.model = bare
    textgen.shared.args.multi_user = True
    with pytest.raises(HostError, match="multi-user"):
        host.load_adapters(["pirate"])
    assert not textgen.shared.generation_lock.locked() and host.loaded_adapters() == {}


def test_a_page_without_a_menu_of_loras(textgen, host):
    textgen.shared.gradio.pop("lora_menu", None)
    assert host.adapter_menu() == host.adapter_menu_updates() == []
    textgen.create_interface()
    assert host.adapter_menu() == [textgen.shared.gradio["lora_menu"]]

"""The standalone host on a tiny model: history, prompts, streaming, loading, the page, and the command line."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
import torch
from textgen_standin_model import save_adapter, tiny_model, tiny_tokenizer, with_adapter

from lora_mixer.hosts import standalone, standalone_load, standalone_log, standalone_page
from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.standalone_chat import Chat
from lora_mixer.hosts.standalone_history import History, Turn
from lora_mixer.hosts.standalone_host import StandaloneHost
from lora_mixer.hosts.standalone_load import Loaded, Start
from lora_mixer.hosts.standalone_prompt import Settings, build_request, context_length, end_tokens, render
from lora_mixer.hosts.standalone_stream import cut, stream
from lora_mixer.lora_ops.shelf.shelf import shelf

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GREEDY = Settings(do_sample=False, max_new_tokens=12, repetition_penalty=1.0)
LONG = replace(GREEDY, max_new_tokens=1900)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    made = tiny_tokenizer()
    made.chat_template = TEMPLATE
    return made


@pytest.fixture(scope="module")
def model() -> Any:
    """Greedy, it never stops by itself: the end token's logit is 0, and some other is always above."""
    base = tiny_model()
    base.lm_head.weight.data[base.config.eos_token_id] = 0
    return with_adapter(base, "pirate")


@pytest.fixture
def host(model: Any, tokenizer: Any) -> StandaloneHost:
    made = StandaloneHost(Start(Path(), Path("tiny"), {"pirate": Path("pirate")}))
    made.use(Loaded(model, tokenizer, 31_000))
    made.show_chat([], [], lambda history: [history])
    return made


def values_of(history: History, settings: Settings = GREEDY) -> list[Any]:
    return [history, *(getattr(settings, name) for name in Settings.__dataclass_fields__)]


def wait_for(condition: Any, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(condition())


def generating_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "lora-mixer-generate"]


# -- history --


def test_a_reply_has_versions_and_the_shown_one_counts() -> None:
    history = History().say("Hi").answer("one").answer("two").show(-1)
    assert history.last == Turn("Hi", ("one", "two"), 0)
    assert history.show(-1) == history
    assert history.show(5).last.reply == "two"
    assert history.revise("uno").last.versions == ("uno", "two")
    assert history.messages("Be brief.") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "one"},
    ]
    assert history.say("And?").messages(last_reply=False)[-2:] == [
        {"role": "assistant", "content": "one"},
        {"role": "user", "content": "And?"},
    ]


def test_what_stayed_without_a_reply_is_gone_when_the_chat_settles() -> None:
    assert History(busy=True).say("Hi").answer("").settled() == History()
    kept = History().say("Hi").answer("one")
    assert kept.answer("").settled() == kept
    assert kept.say("More").answer("").settled() == kept
    assert History().settled() == History()


def test_what_people_and_models_write_stays_text() -> None:
    evil = "<script>alert(1)</script> & <b>"
    history = History().say(evil).answer(evil).say(evil).answer(evil)
    shown = standalone_log.past(history) + standalone_log.last(history)
    assert "<script" not in shown and "<b>" not in shown
    assert shown.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;") == 4


# -- prompts and settings --


def test_emptied_fields_count_as_their_defaults() -> None:
    assert Settings.of([None] * len(Settings.__dataclass_fields__)) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("max_new_tokens", 0, "Reply length"),
        ("temperature", float("nan"), "Temperature"),
        ("top_p", 0, "Top-p"),
        ("min_p", 2, "Min-p"),
        ("repetition_penalty", 0, "Repetition penalty"),
        ("seed", -2, "Seed"),
    ],
)
def test_a_setting_out_of_range_is_named(name: str, value: Any, says: str) -> None:
    given = {**vars(Settings()), name: value}
    with pytest.raises(HostError, match=says):
        Settings.of(list(given.values()))


def test_a_request_is_the_chat_under_its_template(model: Any, tokenizer: Any) -> None:
    messages = History().say("Hi").messages("Be brief.")
    request = build_request(model, tokenizer, messages, GREEDY)
    assert request.prompt == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
    assert request.input_ids.shape[0] == 1
    assert tokenizer.decode(request.input_ids[0]) == request.prompt
    assert request.generation["max_new_tokens"] == 12
    assert request.generation["do_sample"] is False
    assert request.seed >= 0


def test_sampling_settings_reach_generate_and_temperature_0_is_greedy(model: Any, tokenizer: Any) -> None:
    messages = History().say("Hi").messages()
    sampled = build_request(model, tokenizer, messages, Settings(top_k=7, min_p=0.1, seed=5, stop_strings="a\n\\nB"))
    assert sampled.seed == 5
    assert sampled.stop_strings == ("a", "\nB")
    assert {key: sampled.generation[key] for key in ("do_sample", "temperature", "top_p", "top_k", "min_p")} == {
        "do_sample": True, "temperature": 0.5, "top_p": 0.9, "top_k": 7, "min_p": 0.1,
    }  # fmt: skip
    assert build_request(model, tokenizer, messages, Settings(temperature=0.0)).generation["do_sample"] is False


def test_the_dice_are_thrown_anew_for_seed_minus_1(model: Any, tokenizer: Any) -> None:
    messages = History().say("Hi").messages()
    seeds = {build_request(model, tokenizer, messages, Settings()).seed for _ in range(5)}
    assert len(seeds) > 1


def test_a_template_that_refuses_a_system_prompt_gets_it_from_the_user() -> None:
    strict = tiny_tokenizer()
    strict.chat_template = "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" + TEMPLATE
    text = render(strict, History().say("Hi").messages("Be brief."))
    assert "<|im_start|>user\nBe brief.\n\nHi<|im_end|>" in text


def test_a_tokenizer_without_a_template_gets_a_plain_one(model: Any) -> None:
    plain = tiny_tokenizer()
    history = History().say("Hi").answer("Ho").say("And?")
    request = build_request(model, plain, history.messages("Be brief."), GREEDY)
    assert request.prompt == "Be brief.\nUser: Hi\nAssistant: Ho\nUser: And?\nAssistant:"
    assert request.stop_strings == ("\nUser:",)


def test_what_the_template_puts_after_a_reply_ends_one(model: Any) -> None:
    other = tiny_tokenizer()
    other.add_special_tokens({"additional_special_tokens": ["<|done|>"]})
    other.chat_template = TEMPLATE.replace("<|im_end|>", "<|done|>")
    assert end_tokens(model, other) == sorted([other.eos_token_id, other.convert_tokens_to_ids("<|done|>")])


def test_a_chat_that_does_not_fit_the_context_is_refused(model: Any, tokenizer: Any) -> None:
    assert context_length(model, tokenizer) == 2048
    with pytest.raises(HostError, match=r"The prompt has 30\d\d tokens, and the model reads 2048\. Say it shorter"):
        build_request(model, tokenizer, History().say("x" * 3000).messages(), GREEDY)
    grown = History().say("x" * 3000).answer("y").say("z").messages()
    with pytest.raises(HostError, match=r"The chat has grown to 30\d\d tokens.* Clear the chat"):
        build_request(model, tokenizer, grown, GREEDY)
    tight = build_request(model, tokenizer, History().say("x" * 1990).messages(), Settings(max_new_tokens=500))
    assert tight.generation["max_new_tokens"] == 2048 - tight.input_ids.shape[1] < 100


# -- streaming --


@pytest.mark.parametrize(
    ("text", "stops", "final", "expected"),
    [
        ("hello", ("lo",), False, ("hel", True)),
        ("hello", ("xx", "l"), True, ("he", True)),
        ("hel", ("lo",), False, ("he", False)),
        ("hel", ("lo",), True, ("hel", False)),
        ("wor\ufffd", (), False, ("wor", False)),
        ("", ("lo",), False, ("", False)),
    ],
)
def test_stop_strings_are_cut_and_never_half_shown(
    text: str, stops: tuple[str, ...], final: bool, expected: tuple[str, bool]
) -> None:
    assert cut(text, stops, final) == expected


def test_a_stream_grows_into_what_generate_says(model: Any, tokenizer: Any) -> None:
    request = build_request(model, tokenizer, History().say("Hi").messages(), GREEDY)
    parts = list(stream(model, tokenizer, request, threading.Event()))
    alone = model.generate(
        input_ids=request.input_ids, attention_mask=torch.ones_like(request.input_ids), **request.generation
    )
    fresh = alone[0, request.input_ids.shape[1] :]
    assert parts[-1].text == tokenizer.decode(fresh, skip_special_tokens=True)
    assert parts[-1].tokens == len(fresh)
    assert all(later.text.startswith(earlier.text) for earlier, later in zip(parts, parts[1:], strict=False))


def test_a_stop_string_ends_the_stream(model: Any, tokenizer: Any) -> None:
    messages = History().say("Hi").messages()
    request = build_request(model, tokenizer, messages, GREEDY)
    whole = list(stream(model, tokenizer, request, threading.Event()))[-1].text
    stop = build_request(model, tokenizer, messages, replace(GREEDY, stop_strings=whole[4:6]))
    assert list(stream(model, tokenizer, stop, threading.Event()))[-1].text == whole[: whole.index(whole[4:6])]
    assert not generating_threads()


def test_the_same_seed_says_the_same(host: StandaloneHost) -> None:
    again = [
        list(host.generate(host.ask("Hi", values_of(History(), Settings(max_new_tokens=12, seed=3)))))[-1]
        for _ in range(2)
    ]
    assert again[0] == again[1]


def test_stop_ends_a_stream_and_so_does_leaving_it(host: StandaloneHost) -> None:
    request = host.ask("Hi", values_of(History(), LONG))
    for index, _ in enumerate(host.generate(request)):
        if index == 2:
            host.stop()
    assert index < 500
    leaving = host.generate(request)
    next(leaving)
    leaving.close()
    assert not generating_threads()


def test_what_goes_wrong_in_the_model_comes_out_of_the_stream(host: StandaloneHost) -> None:
    request = host.ask("Hi", values_of(History()))
    request.generation["max_new_tokens"] = -5
    with pytest.raises(ValueError, match="max_new_tokens"):
        list(host.generate(request))
    assert not generating_threads()


# -- the host --


def test_ask_again_leaves_the_last_reply_out(host: StandaloneHost) -> None:
    history = History().say("Hi").answer("Ho").say("And?").answer("Well.")
    request = host.ask_again(values_of(history))
    assert request.prompt.endswith("Ho<|im_end|>\n<|im_start|>user\nAnd?<|im_end|>\n<|im_start|>assistant\n")


def test_ask_is_one_turn_under_the_same_system_prompt(host: StandaloneHost) -> None:
    history = History().say("Hi").answer("Ho")
    request = host.ask("New", values_of(history, Settings(system="Be brief.")))
    assert request.prompt.startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nNew<|im_end|>")


def test_a_system_message_of_its_own_stands_instead_of_the_chats(host: StandaloneHost) -> None:
    chat = values_of(History().say("Hi").answer("Ho"), Settings(system="Be brief."))
    request = host.ask("New", chat, [("One", "Two")], "Be a pirate.")
    first = "<|im_start|>system\nBe a pirate.<|im_end|>\n<|im_start|>user\nOne<|im_end|>"
    assert request.prompt.startswith(first) and "Be brief." not in request.prompt
    assert host.ask("New", chat, system=" ").prompt == host.ask("New", chat).prompt


def test_a_used_reply_is_one_more_version(host: StandaloneHost) -> None:
    [history] = host.use_reply("Better", values_of(History().say("Hi").answer("Ho")))
    assert history.last == Turn("Hi", ("Ho", "Better"), 1)


def test_what_the_chat_cannot_give_is_said(host: StandaloneHost) -> None:
    with pytest.raises(HostError, match="empty"):
        host.ask_again(values_of(History()))
    with pytest.raises(HostError, match="empty"):
        host.ask("  \n", values_of(History()))
    with pytest.raises(HostError, match="no reply"):
        host.use_reply("x", values_of(History()))
    with pytest.raises(HostError, match="right now"):
        host.use_reply("x", values_of(History(busy=True).say("Hi").answer("")))


def test_trouble_says_what_there_is_to_wait_for(host: StandaloneHost) -> None:
    assert host.trouble() is None
    loading = StandaloneHost(Start(Path(), Path("tiny")))
    assert loading.model is None and "Loading tiny" in loading.trouble().advice
    with pytest.raises(HostError, match="Loading tiny"):
        loading.ask("Hi", values_of(History()))
    loading.use(Loaded(tiny_model(), tiny_tokenizer(), 31_000))
    assert "--lora" in loading.trouble().advice


def test_a_failed_load_stays_in_trouble(tmp_path: Path) -> None:
    host = StandaloneHost(Start(tmp_path, tmp_path / "nothing"))
    with pytest.raises(HostError):
        host.load()
    assert str(tmp_path / "nothing") in host.trouble().advice
    with pytest.raises(HostError, match="nothing"):
        host.ask("Hi", values_of(History()))


# -- loading --


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_model().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def adapter_folder(tmp_path: Path) -> Path:
    save_adapter(tmp_path / "pirate")
    return tmp_path / "pirate"


def test_any_local_model_with_its_adapters(model_folder: Path, adapter_folder: Path, tmp_path: Path) -> None:
    save_adapter(tmp_path / "butler", rank=2, seed=2)
    adapters = standalone_load.name_adapters([adapter_folder, tmp_path / "butler"])
    said: list[str] = []
    loaded = standalone_load.load(Start(tmp_path, model_folder, adapters), said.append)
    assert loaded.model.active_adapters == ["pirate", "butler"]
    assert loaded.model.dtype == torch.float32 and not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    assert said == ["Loading tiny …", "Loading the adapter pirate …", "Loading the adapter butler …"]


def test_adapter_names_are_unique_and_fit_for_peft(tmp_path: Path) -> None:
    folders = [tmp_path / "a" / "v1.5 best", tmp_path / "b" / "v1.5 best", tmp_path / "..."]
    assert list(standalone_load.name_adapters(folders)) == ["v1_5_best", "v1_5_best-2", "adapter"]


def test_the_demo_adapters_come_with_the_one_to_hear_first(tmp_path: Path) -> None:
    for name in ("butler", "pirate", "admiral"):
        (tmp_path / "demo" / "adapters" / name).mkdir(parents=True)
        (tmp_path / "demo" / "adapters" / name / "adapter_config.json").write_text("{}")
    assert list(standalone_load.demo_adapters(tmp_path)) == ["pirate", "admiral", "butler"]


def test_an_adapter_of_another_shape_is_refused_with_tensor_and_shape(adapter_folder: Path) -> None:
    narrow = tiny_model()
    narrow.resize_token_embeddings(50)
    config = narrow.config.to_dict() | {"intermediate_size": 48}
    other = type(narrow)(type(narrow.config).from_dict(config))
    with pytest.raises(HostError, match=r"pirate.*(up|gate|down)_proj.*64.*48"):
        standalone_load.add_adapter(other, "pirate", adapter_folder)


def test_an_adapter_for_more_layers_is_refused(adapter_folder: Path) -> None:
    model = tiny_model()
    model.model.layers = model.model.layers[:1]
    with pytest.raises(HostError, match=r"pirate.*this model has 1"):
        standalone_load.add_adapter(model, "pirate", adapter_folder)


def test_an_adapter_for_other_modules_is_refused(adapter_folder: Path) -> None:
    config = json.loads((adapter_folder / "adapter_config.json").read_text())
    (adapter_folder / "adapter_config.json").write_text(json.dumps(config | {"target_modules": ["c_attn"]}))
    with pytest.raises(HostError, match=r"pirate.*c_attn"):
        standalone_load.add_adapter(tiny_model(), "pirate", adapter_folder)


def test_pickles_are_refused(model_folder: Path, adapter_folder: Path, tmp_path: Path) -> None:
    (adapter_folder / "adapter_model.safetensors").rename(adapter_folder / "adapter_model.bin")
    with pytest.raises(HostError, match="pickle"):
        standalone_load.check_adapter(adapter_folder)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(HostError, match="pickle"):
        standalone_load.check_model(tmp_path / "model")


def test_an_unknown_device_is_named(model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(HostError, match="abacus"):
        standalone_load.load(Start(tmp_path, model_folder, device="abacus"), lambda _: None)


# -- adapters come and go --


@pytest.fixture
def shelved(tmp_path: Path, tokenizer: Any) -> StandaloneHost:
    """A host that plays "pirate" of its demo folder, with more on the shelf."""
    demo, mine = tmp_path / "demo" / "adapters", tmp_path / "user_data" / "loras"
    save_adapter(demo / "pirate")
    save_adapter(demo / "butler", rank=2, seed=2)
    save_adapter(mine / "pirate", rank=16, seed=3)
    save_adapter(mine / "v1.5" / "checkpoint-10", seed=4)
    save_adapter(tmp_path / "far" / "poet", seed=5)
    made = StandaloneHost(Start(tmp_path, Path("tiny"), {"pirate": demo / "pirate", "poet": tmp_path / "far" / "poet"}))
    model = standalone_load.add_adapter(tiny_model(), "pirate", demo / "pirate")
    made.use(Loaded(model, tokenizer, 31_000))
    return made


def test_the_shelf_is_what_was_baked_the_demo_and_what_it_was_started_with(
    shelved: StandaloneHost, tmp_path: Path
) -> None:
    root = tmp_path.resolve()
    assert shelved.user_data == root / "user_data" and shelved.lora_dir == root / "user_data" / "loras"
    assert shelved.shelf_folders() == [shelved.lora_dir, root / "demo" / "adapters", root / "far" / "poet"]
    entries = {entry.name: entry for entry in shelf(shelved.shelf_folders(), shelved.model)}
    assert list(entries) == ["butler", "pirate", "pirate-2", "poet", "v1.5/checkpoint-10"]
    assert not any(entry.error or entry.fits for entry in entries.values())


def test_adapters_are_loaded_by_name_or_folder_and_unloaded(shelved: StandaloneHost, tmp_path: Path) -> None:
    base = shelved.model.base_model.model
    with shelved.model.disable_adapter():
        plain = logits(shelved.model)
    demo = tmp_path / "demo" / "adapters"
    assert shelved.loaded_adapters() == {"pirate": demo / "pirate"}
    told: list[Any] = []
    shelved.on_model = lambda: told.append((shelved.lock.locked(), list(shelved.loaded_adapters())))
    asked: list[str | Path] = ["butler", demo / "pirate", "pirate", "v1.5/checkpoint-10"]
    names = shelved.load_adapters(asked, keep=True, on_loaded=lambda names: told.append(dict(names)))
    expected = {"butler": "butler", str(demo / "pirate"): "pirate", "pirate": "pirate-2",
                "v1.5/checkpoint-10": "v1_5/checkpoint-10"}  # fmt: skip
    assert names == expected
    assert told == [expected, (True, ["pirate", "butler", "pirate-2", "v1_5/checkpoint-10"])]
    assert shelved.model.active_adapters == ["pirate", "butler", "pirate-2", "v1_5/checkpoint-10"]
    assert not shelved.lock.locked()
    shelved.unload_adapters(["v1.5/checkpoint-10", "pirate"])  # a shelf name, and a PEFT name
    assert list(shelved.loaded_adapters()) == ["butler", "pirate-2"]
    shelved.load_adapters(["poet"])
    assert shelved.loaded_adapters() == {"poet": tmp_path / "far" / "poet"}
    shelved.unload_adapters()
    assert shelved.model is base and torch.equal(logits(base), plain)
    assert "Adapters tab" in shelved.trouble().advice
    shelved.load_adapters(["poet"])
    assert shelved.trouble() is None


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.arange(3, 9)[None]).logits


def test_what_cannot_be_loaded_leaves_the_model_as_it_was(shelved: StandaloneHost, tmp_path: Path) -> None:
    (tmp_path / "demo" / "adapters" / "butler" / "adapter_model.safetensors").write_bytes(b"half")
    outside = tmp_path / "outside"
    save_adapter(outside)
    before, said = shelved.model, logits(shelved.model)
    for asked, says in (
        (["butlr"], "no adapter 'butlr' here. There is butler"),
        (["butler"], "cut off"),
        ([outside], "put it into their folder first"),
        (["../../outside"], "no adapter"),
        ([], "Choose an adapter"),
    ):
        with pytest.raises(HostError, match=says):
            shelved.load_adapters(asked, keep=True)
    with pytest.raises(HostError, match="'butler' is not loaded"):
        shelved.unload_adapters(["pirate", "butler"])
    assert shelved.model is before and torch.equal(logits(before), said) and not shelved.lock.locked()


def test_nobody_changes_adapters_on_a_shared_page(shelved: StandaloneHost) -> None:
    shelved.multi_user = True
    assert shelved.user_data is None and shelved.lora_dir is None and shelved.shelf_folders() == []
    for change in (lambda: shelved.load_adapters(["butler"]), shelved.unload_adapters):
        with pytest.raises(HostError, match="--lora"):
            change()
    loading = StandaloneHost(Start(Path(), Path("tiny")))
    with pytest.raises(HostError, match="Loading tiny"):
        loading.load_adapters(["pirate"])


def test_the_page_names_the_adapters_that_are_loaded(shelved: StandaloneHost, extension_folder: Path) -> None:
    standalone_page.build_page(shelved, extension_folder)
    assert [part.elem_id for part in shelved.adapter_menu()] == ["page-header"]
    shelved.load_adapters(["butler"], keep=True)
    [shown] = shelved.adapter_menu_updates()
    assert ">pirate<" in shown and ">butler<" in shown


# -- the command line --


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "{tmp}/none"], "does not exist"),
        (["--model", "{tmp}"], "no config.json"),
        (["--lora", "{tmp}/none"], "does not exist"),
        (["--lora", "{tmp}/file"], "is a file"),
        (["--port", "99999"], "no port 99999"),
        (["--port", "{busy}"], "Cannot listen"),
    ],
)
def test_a_wrong_call_ends_at_once_and_says_why(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        filled = [text.format(tmp=tmp_path, busy=busy.getsockname()[1]) for text in arguments]
        assert standalone.main(filled) == standalone.MISUSED
    assert says in capsys.readouterr().err


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        standalone.main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for option in ("--model", "--lora", "--dtype", "--device", "--port", "--host", "--share", "--no-browser"):
        assert option in shown


# -- the page --

EXTENSION = """
import gradio as gr
params = {"display_name": "The Extension", "is_tab": True}
calls = []
def use_host(host): calls.append(("use_host", host.name))
def setup(): calls.append("setup")
def custom_css(): return "#mine { color: red }"
def custom_js(): return "window.mine = 1;"
def ui():
    calls.append("ui")
    box = gr.Textbox(elem_id="mine")
    gr.context.Context.root_block.load(lambda: "loaded", None, box)
"""


@pytest.fixture
def extension_folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "script.py").write_text(EXTENSION)
    yield tmp_path
    sys.modules.pop("lora_mixer_script", None)


def test_the_page_hosts_the_extension_as_a_host_does(host: StandaloneHost, extension_folder: Path) -> None:
    page = standalone_page.build_page(host, extension_folder)
    assert sys.modules["lora_mixer_script"].calls == [("use_host", host.name), "setup", "ui"]
    components = page.blocks.get_config_file()["components"]
    ids = {component["props"].get("elem_id") for component in components}
    assert {"lora-mixer-chat", "chat-input", "chat-send", "chat-stop", "chat-settings", "mine"} <= ids
    tabs = [component["props"]["label"] for component in components if component["type"] == "tabitem"]
    assert tabs == ["Chat", "The Extension"]
    css = page.launch_options.get("css") or page.blocks.css
    js = page.launch_options.get("js") or page.blocks.js
    assert "#mine { color: red }" in css and "#chat-log" in css
    assert js.startswith("() => {") and "window.mine = 1;" in js


@pytest.fixture
def chat(host: StandaloneHost) -> Chat:
    with gr.Blocks():
        return Chat(host)


ME = SimpleNamespace(session_hash="me")


def texts(updates: list[Any]) -> tuple[History, str]:
    """The history and the status in what an answering event yields."""
    return updates[0], updates[-2]


def test_a_message_is_answered_and_asked_again_as_another_version(chat: Chat, host: StandaloneHost) -> None:
    steps = list(chat.say(ME, "Hi", *values_of(History())))
    assert steps[0][0].busy and steps[0][-1] == ""
    first, status = texts(steps[-1])
    assert not first.busy and first.last.user == "Hi" and first.last.reply
    assert "tokens" in status
    again, _ = texts(list(chat.say_again(ME, *values_of(first, replace(GREEDY, max_new_tokens=9))))[-1])
    assert again.last.versions[0] == first.last.reply and len(again.last.versions) == 2 and again.last.shown == 1
    assert len(steps[0]) == len(steps[-1]) == len(host.chat_outputs()) + 2
    assert not host.lock.locked()


def test_a_failure_is_shown_and_leaves_everything_free(
    chat: Chat, host: StandaloneHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_memory(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(host.model, "generate", out_of_memory)
    steps = chat.say(ME, "Hi", *values_of(History()))
    seen = []
    with pytest.raises(gr.Error, match="out of memory"):
        for step in steps:
            seen.append(step)
    assert seen[-1][0] == History() and seen[-1][-1] == "Hi"
    assert not host.lock.locked()
    monkeypatch.undo()
    assert texts(list(chat.say(ME, "Hi", *values_of(History())))[-1])[0].last.reply


def test_stop_keeps_what_was_said_and_is_for_its_own_page_alone(chat: Chat, host: StandaloneHost) -> None:
    steps = chat.say(ME, "Hi", *values_of(History(), LONG))
    for _ in range(3):
        last = next(steps)
    chat.stop_session(SimpleNamespace(session_hash="somebody else"), History())
    assert len(next(steps)[2]) >= len(last[2])
    chat.stop_session(ME, History())
    history, status = texts(list(steps)[-1])
    assert history.last.reply and "Stopped" in status
    assert not host.lock.locked() and not generating_threads()


def test_a_page_that_closes_frees_the_lock(chat: Chat, host: StandaloneHost) -> None:
    steps = chat.say(ME, "Hi", *values_of(History(), LONG))
    next(steps)
    next(steps)
    assert host.lock.locked()
    steps.close()
    assert not host.lock.locked() and not generating_threads()
    assert list(chat.say(ME, "Hi", *values_of(History())))


def test_two_pages_take_turns(chat: Chat, host: StandaloneHost) -> None:
    done: list[History] = []

    def second() -> None:
        steps = chat.say(SimpleNamespace(session_hash="you"), "Hi", *values_of(History()))
        done.append(list(steps)[-1][0])

    with host.lock:
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.4)
        assert not done and not generating_threads()
    waiting.join(20)
    assert done and done[0].last.reply


def test_stop_ends_the_waiting_for_a_turn(chat: Chat, host: StandaloneHost) -> None:
    with host.lock:
        running = host._stop
        steps = chat.say(ME, "Hi", *values_of(History()))
        next(steps)
        chat.stop_session(ME, History())
        history, status = texts(list(steps)[-1])
        assert host._stop is running and not running.is_set()  # whoever generates meanwhile is left alone
    assert history == History() and "Stopped" in status


def test_a_message_is_refused_while_one_is_answered_and_when_it_is_empty(chat: Chat) -> None:
    with pytest.raises(gr.Error, match="still being answered"):
        next(chat.say(ME, "Hi", *values_of(History(busy=True).say("One").answer(""))))
    with pytest.raises(gr.Error, match="Type a message"):
        next(chat.say(ME, "  ", *values_of(History())))
    with pytest.raises(gr.Error, match="nothing to regenerate"):
        next(chat.say_again(ME, *values_of(History())))


def test_a_refused_message_does_not_settle_the_reply_that_is_on_its_way(chat: Chat) -> None:
    steps = chat.say(ME, "Hi", *values_of(History(), LONG))
    busy = next(steps)[0]
    with pytest.raises(gr.Error):
        next(chat.say(ME, "Me too", *values_of(busy)))
    assert not any(isinstance(update, History) for update in chat.settle(ME, busy))
    steps.close()
    assert chat.settle(ME, busy)[0] == History()


def test_the_view_follows_the_history(chat: Chat, host: StandaloneHost) -> None:
    history = History().say("Hi").answer("one").answer("two")
    by_part = dict(zip([part.elem_id for part in host.chat_outputs()], chat.view(history), strict=True))
    assert by_part["chat-previous"]["interactive"] is True
    assert by_part["chat-next"]["interactive"] is False
    assert "2 / 2" in by_part["chat-version"]
    busy = dict(zip(by_part, chat.view(History(history.turns, busy=True)), strict=True))
    assert busy["chat-send"]["visible"] is False and busy["chat-stop"]["visible"] is True
    assert busy["chat-regenerate"]["interactive"] is False and busy["chat-clear"]["interactive"] is False


def test_the_header_escapes_names(model: Any, tokenizer: Any) -> None:
    from lora_mixer.hosts.standalone_chat import header

    host = StandaloneHost(Start(Path(), Path("<i>tiny"), {"<b>": Path("b")}))
    assert "&lt;i&gt;tiny" in header(host) and "<i>" not in header(host)
    host.use(Loaded(with_adapter(tiny_model(), "<u>"), tokenizer, 31_000))
    assert "&lt;u&gt;" in header(host) and "<u>" not in header(host) and "31K parameters" in header(host)
    host.failure = "<img>"
    assert "<img>" not in header(host)

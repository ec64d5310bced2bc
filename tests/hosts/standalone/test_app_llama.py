"""The standalone page's command line on llama.cpp: a wrong call ends at once and says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.llama import ADAPTERS
from helpers.tiny_gguf import every_module, pairs, write_adapter, write_model

from lora_mixer.hosts.standalone import app as standalone
from lora_mixer.lora_ops.engines import llama_server


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A model's file, an adapter for it as folder and as file, keys, and a file that is cut off."""
    model = write_model(tmp_path / "model.gguf")
    adapter = write_adapter(tmp_path / "pirate", pairs(every_module()))
    llama_server.whole(adapter, model, tmp_path / "pirate.gguf")
    (tmp_path / "half.gguf").write_bytes(model.read_bytes()[:100])
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "key").write_text("secret\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--gguf", "{at}/none.gguf"], "does not exist"),
        (["--gguf", "{at}"], "is a folder"),
        (["--gguf", "{at}/pirate.gguf"], "is an adapter, not a model"),
        (["--gguf", "{at}/half.gguf"], "half.gguf"),
        (["--gguf", "{at}/model.gguf", "--lora", "{at}/model.gguf"], "is a model, not an adapter"),
        (["--gguf", "{at}/model.gguf", "--lora", "{at}/half.gguf"], "half.gguf"),
        (["--gguf", "{at}/model.gguf", "--lora", "{at}/none"], "does not exist"),
        (["--gguf", "{at}/model.gguf", "--model", "{at}"], "--model and --gguf both say what to play"),
        (["--gguf", "{at}/model.gguf", "--server", "http://127.0.0.1:1"], "--gguf and --server both"),
        (["--gguf", "{at}/model.gguf", "--key-file", "{at}/key"], "--key-file goes with --server alone"),
        (["--gguf", "{at}/model.gguf", "--threads", "0"], "--threads cannot be 0"),
        (["--gguf", "{at}/model.gguf", "--llama-server", "no-such-program"], "no program no-such-program"),
        (["--threads", "2"], "--threads goes with --gguf alone"),
        (["--server", "http://127.0.0.1:1", "--key-file", "{at}/none"], "cannot be read"),
        (["--server", "http://127.0.0.1:1", "--key-file", "{at}/empty"], "holds no key"),
        (["--server", "http://127.0.0.1:1", "--seen-as", "/x"], "--seen-as goes with --shared"),
        (["--server", "127.0.0.1:1", "--shared", "{at}", "--seen-as", "x"], "begin it with /"),
        (["--gguf", "{at}/model.gguf", "--shared", "{at}"], "--shared goes with --server alone"),
        (["--lora", "{at}/pirate.gguf"], "name its model's file too, with --gguf"),
    ],
)
def test_a_wrong_call_on_llama_cpp_ends_at_once_and_says_why(
    arguments: list[str], says: str, there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert standalone.main([text.format(at=there) for text in arguments]) == standalone.MISUSED
    assert says in capsys.readouterr().err


def test_what_is_named_is_what_is_played(there: Path) -> None:
    options = standalone.options_of("demo").parse_args(
        ["--gguf", str(there / "model.gguf"), "--lora", str(there / "pirate.gguf"), "--lora", str(ADAPTERS / "butler")]
    )
    start = standalone._start(options)
    assert start.llama is not None and start.model_name == "model" and not start.is_of_demo
    assert start.adapters == {"pirate": there / "pirate.gguf", "butler": ADAPTERS / "butler"}
    served = standalone._start(
        standalone.options_of("demo").parse_args(["--server", "127.0.0.1:8080", "--key-file", str(there / "key")])
    )
    assert served.server is not None and (served.server.key, served.adapters) == ("secret", {})
    assert served.model_name == "The server at 127.0.0.1:8080" and not served.is_of_demo

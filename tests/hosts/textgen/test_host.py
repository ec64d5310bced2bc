"""TextGen as a host: whether there is anything to mix, whose lock it is, and nothing heavy at rest."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from standin.textgen_model import tiny_model, with_adapter


def test_importing_it_imports_nothing_heavy():
    heavy = ["torch", "transformers", "peft", "gradio", "numpy", "jinja2", "modules"]
    conftest = str(Path(__file__).parents[2] / "conftest.py")
    code = (
        f"import runpy, sys; runpy.run_path({conftest!r}); import lora_mixer.hosts.textgen.host\n"
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


def test_a_model_unloaded_while_idle_is_said_to_be(textgen, host):
    textgen.shared.args.idle_timeout = 5
    textgen.models.unload_model(keep_model_name=True)
    assert "idle" in host.trouble().title and "Press Load in the Model tab" in host.trouble().advice
    textgen.shared.args.multi_user = True
    assert "idle" in host.trouble().title and "Adapters tab" not in host.trouble().advice


def test_what_has_held_the_model_keeps_the_idle_timer_away(textgen, host):
    with host.lock:
        textgen.models.last_generation_time = 0.0  # a comparison that takes longer than the timer waits
    assert textgen.models.last_generation_time > time.time() - 60


def test_trouble_never_raises(textgen, host):
    del textgen.shared.args
    assert "cannot be read" in host.trouble().advice
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "modules.shared")
        patch.delitem(sys.modules, "modules")
        assert "ModuleNotFoundError" in host.trouble().advice


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

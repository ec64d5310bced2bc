"""When PEFT may be imported inside TextGen."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest
from standin.textgen import StandIn

from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.textgen import imports as textgen_imports
from lora_mixer.lora_ops.imported import imported


def test_peft_is_imported_only_while_the_host_loads_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with StandIn(tmp_path).installed() as textgen:
        monkeypatch.setattr(textgen_imports, "imported", lambda name: None)  # as before anybody has imported it
        wanted: list[str] = []
        monkeypatch.setattr(textgen_imports, "import_module", wanted.append)
        begun, go_on = threading.Event(), threading.Event()

        def loads() -> None:
            begun.set()
            go_on.wait(60)

        vars(textgen.models.load_model.__self__)["loads"] = loads
        thread = threading.Thread(target=textgen.models.load_model, args=("tiny",))
        thread.start()
        try:
            assert begun.wait(60) and textgen_imports.loading()
            with pytest.raises(HostError, match="loading a model"):
                textgen_imports.import_peft()
            textgen_imports.import_beforehand()
            assert wanted == []
        finally:
            go_on.set()
            thread.join()
        assert not textgen_imports.loading()
        textgen_imports.import_peft()
        textgen_imports.import_beforehand()
        textgen.shared.args.loader = "llama.cpp"
        textgen_imports.import_beforehand()
        assert wanted == ["peft", "peft"]


def test_a_module_that_is_being_imported_is_not_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    events = ModuleType("slow_module_events")
    events.begun, events.go_on = begun, go_on  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "slow_module_events", events)
    (tmp_path / "slow_module.py").write_text(
        "import slow_module_events as e\ne.begun.set()\ne.go_on.wait(60)\nwhole = True\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    thread = threading.Thread(target=__import__, args=("slow_module",))
    assert imported("slow_module") is None
    thread.start()
    try:
        assert begun.wait(60) and "slow_module" in sys.modules
        assert imported("slow_module") is None
    finally:
        go_on.set()
        thread.join()
    found = imported("slow_module")
    assert found is not None and found.whole
    del sys.modules["slow_module"]

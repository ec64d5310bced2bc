"""A stand-in of TextGen: the parts of `modules.*` that an extension meets, the loader, and a small chat page.

It generates with a real (tiny) model through its own sampling arguments, keeps chats and versions the way TextGen
does, and runs on every Gradio that we support. Written from TextGen's behaviour; see `StandIn` for how to use it.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from standin.textgen_chat import ChatModule, ReasoningModule
from standin.textgen_generate import CallbacksModule, TextGenerationModule, hijacked_generation_config
from standin.textgen_page import DEFAULTS, create_interface

logger = logging.getLogger("text-generation-webui")


class StandIn:
    """One TextGen. Its modules are importable only inside `installed()`:

        host = StandIn(tmp_path, model=model, tokenizer=tokenizer)
        with host.installed():
            host.load_extensions("lora-mixer")
            page = host.create_interface()

    `host.shared`, `host.chat` and so on are the modules themselves: change what is in them as a test needs it.
    """

    def __init__(self, root: Path, model: Any = None, tokenizer: Any = None, multi_user: bool = False) -> None:
        self.root = root
        user_data = root / "user_data"
        for folder in (root / "extensions", user_data / "extensions", user_data / "loras"):
            folder.mkdir(parents=True, exist_ok=True)
        args = argparse.Namespace(
            multi_user=multi_user, lora_dir=str(user_data / "loras"), model_dir=str(user_data / "models"),
            loader="Transformers", cpu=True, extensions=[], verbose=False, no_cache=False, idle_timeout=0,
            extra_flags=None, parallel=1, mmproj=None,
        )  # fmt: skip
        self.shared = _module(
            "shared", model=model, tokenizer=tokenizer, model_name="None" if model is None else "tiny", lora_names=[],
            is_seq2seq=False, args=args, settings={}, default_settings={}, user_data_dir=user_data, gradio={},
            input_elements=list(DEFAULTS), persistent_interface_state={}, stop_everything=False, need_restart=False,
            generation_lock=threading.Lock(), processing_message="*Is typing...*", bos_token="", eos_token="",
            is_multimodal=False,
        )  # fmt: skip
        self.extensions = _exposed("extensions", ExtensionsModule(self))
        self.callbacks = _exposed("callbacks", CallbacksModule())
        self.text_generation = _exposed("text_generation", TextGenerationModule(self))
        self.reasoning = _exposed("reasoning", ReasoningModule())
        self.chat = _exposed("chat", ChatModule(self))
        self.ui = _exposed("ui", UiModule(self))
        self.LoRA = _exposed("LoRA", LoraModule(self))
        self.tool_use = _exposed("tool_use", ToolUseModule())
        self.models = _exposed("models", ModelsModule(self))
        self.utils = _module(
            "utils",
            gradio=lambda *names: [self.shared.gradio[name] for name in names],
            get_available_loras=self._available_loras,
        )

    def _available_loras(self) -> list[str]:
        endings = (".txt", "-np", ".pt", ".json")
        found = [item.name for item in Path(self.shared.args.lora_dir).glob("*") if not item.name.endswith(endings)]
        return ["None", *sorted(found)]

    @contextmanager
    def installed(self) -> Iterator[StandIn]:
        """The process is TextGen's: its modules can be imported, and transformers takes its sampling arguments."""
        owned = {"modules", "extensions"}
        before = {name: module for name, module in sys.modules.items() if name.split(".")[0] in owned}
        package = ModuleType("modules")
        package.__path__ = []
        with hijacked_generation_config():
            try:
                sys.path.insert(0, str(self.root))
                sys.modules["modules"] = package
                for module in vars(self).values():
                    if isinstance(module, ModuleType):
                        sys.modules[module.__name__] = module
                        setattr(package, module.__name__.split(".")[1], module)
                yield self
            finally:
                sys.path.remove(str(self.root))
                for name in list(sys.modules):
                    if name.split(".")[0] in owned or name.startswith("user_ext_"):
                        del sys.modules[name]
                sys.modules.update(before)

    def load_extensions(self, *names: str) -> list[ModuleType]:
        """Starts the extensions of these names, as at the start of the process and at each rebuild of the page."""
        self.shared.args.extensions = list(names) or self.shared.args.extensions
        self.extensions.load_extensions()
        return [module for module, _ in self.extensions.iterator()]

    def create_interface(self) -> Any:
        """A page with the chat and the extensions' parts: a `gr.Blocks` that is not launched yet."""
        return create_interface(self)


class ExtensionsModule:
    """`modules.extensions`: the loader of both folders, and the hooks."""

    def __init__(self, host: StandIn) -> None:
        self._host = host
        self._loaded: dict[str, Any] = {}
        self._set_up: set[Any] = set()

    def load_extensions(self) -> None:
        self._loaded = {}
        for name in self._host.shared.args.extensions:
            try:
                extension = self._import(name)
                if extension not in self._set_up:
                    self._apply_settings(extension, name)
                    if hasattr(extension, "setup"):
                        extension.setup()
                    self._set_up.add(extension)
                self._loaded[name] = extension
            except ModuleNotFoundError:
                logger.error("Could not import the requirements for '%s'.", name)
                raise
            except Exception:
                logger.exception('Failed to load the extension "%s".', name)

    def _import(self, name: str) -> Any:
        script = self._host.shared.user_data_dir / "extensions" / name / "script.py"
        if not script.exists():
            return importlib.import_module(f"extensions.{name}.script")
        # By its path, and anew each time: the module is no package, and a rebuilt page sets it up again.
        spec = importlib.util.spec_from_file_location(f"user_ext_{name}", script)
        assert spec is not None and spec.loader is not None
        extension = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = extension
        spec.loader.exec_module(extension)
        return extension

    def _apply_settings(self, extension: Any, name: str) -> None:
        for key, default in getattr(extension, "params", {}).items():
            self._host.shared.default_settings[f"{name}-{key}"] = default
            extension.params[key] = self._host.shared.settings.get(f"{name}-{key}", default)

    def iterator(self) -> Iterator[tuple[Any, str]]:
        for name, extension in self._loaded.items():
            yield extension, name

    def apply_extensions(self, kind: str, *args: Any, **kwargs: Any) -> Any:
        hook = HOOKS[kind]
        functions = [getattr(extension, hook) for extension, _ in self.iterator() if hasattr(extension, hook)]
        if kind in ("css", "js"):
            return "".join(function() for function in functions)
        if kind.startswith("custom_") or kind == "tokenized_length":
            if kind == "custom_generate_reply":
                return functions[0] if functions else None
            return functions[0](*args, **kwargs) if functions else None
        if kind in ("chat_input", "tokenizer"):  # several values pass through, the rest is looked at
            first = 0 if kind == "chat_input" else 1
            values, fixed = (args[:2], args[2:]) if first == 0 else (args[1:], args[:1])
            for function in functions:
                values = function(*values, *fixed) if first == 0 else function(*fixed, *values)
            return values
        value, rest = args[0], args[1:]
        for function in functions:
            result = function(value, *rest, **kwargs)
            value = value if kind == "logits_processor" and result is None else result
        return value

    def create_extensions_tabs(self) -> None:
        import gradio as gr

        for extension, name in self.iterator():
            if hasattr(extension, "ui") and getattr(extension, "params", {}).get("is_tab", False):
                with gr.Tab(extension.params.get("display_name", name), elem_classes="extension-tab"):
                    extension.ui()

    def create_extensions_block(self) -> None:
        import gradio as gr

        shown = [e for e, _ in self.iterator() if hasattr(e, "ui") and not getattr(e, "params", {}).get("is_tab")]
        if shown:
            with gr.Column(elem_id="extensions"):
                for extension in shown:
                    extension.ui()


HOOKS = {
    "input": "input_modifier", "output": "output_modifier", "chat_input": "chat_input_modifier",
    "state": "state_modifier", "history": "history_modifier", "bot_prefix": "bot_prefix_modifier",
    "tokenizer": "tokenizer_modifier", "logits_processor": "logits_processor_modifier",
    "custom_generate_chat_prompt": "custom_generate_chat_prompt", "custom_generate_reply": "custom_generate_reply",
    "tokenized_length": "custom_tokenized_length", "css": "custom_css", "js": "custom_js",
}  # fmt: skip


class UiModule:
    """`modules.ui`: what the values of all components become."""

    def __init__(self, host: StandIn) -> None:
        self._host = host

    def gather_interface_values(self, *values: Any) -> dict[str, Any]:
        shared = self._host.shared
        state = dict(zip(shared.input_elements, values, strict=False))
        if not shared.args.multi_user:
            shared.persistent_interface_state = state
            state.pop("textbox")
        if not (state["history"] or {}).get("internal") and state["unique_id"] is not None:
            state["history"] = self._host.chat.load_history(state["unique_id"], state["character_menu"], state["mode"])
        return state


class LoraModule:
    """`modules.LoRA`: adapters by the names of their folders. It holds no lock, whoever looks meanwhile."""

    def __init__(self, host: StandIn) -> None:
        self._host = host

    def add_lora_to_model(self, names: list[str]) -> None:
        self._host.LoRA.add_lora_transformers(names)

    def add_lora_transformers(self, names: list[str]) -> None:
        """What is to be loaded is told from the host's own list, not from the model."""
        from peft import PeftModel

        shared = self._host.shared
        folder = Path(shared.args.lora_dir)
        there = set(shared.lora_names)
        new, gone = set(names) - there, there - set(names)
        if not new and not gone:
            return
        if there and not gone and "__merged" not in shared.model.peft_config:
            for name in new:
                shared.model.load_adapter(str(folder / name), name)
            self._blend(names)
            shared.lora_names = names
            return
        if gone:
            configs = dict(shared.model.peft_config)
            shared.model = shared.model.unload()
            shared.model.peft_config = configs  # the layers are gone, the names stay, whatever PEFT does about them
        if names:
            # Around a model that has a blend in it already, this is a `PeftModel` around another.
            shared.model = PeftModel.from_pretrained(shared.model, str(folder / names[0]), adapter_name=names[0])
            for name in names[1:]:
                shared.model.load_adapter(str(folder / name), name)
            self._blend(names)
        shared.lora_names = names

    def _blend(self, names: list[str]) -> None:
        """From the host's list as it was before, and only where all names that are known have one rank."""
        shared = self._host.shared
        if len(names) < 2 or len({config.r for config in shared.model.peft_config.values()}) > 1:
            return
        known = list(shared.lora_names) or names  # the real one fails half way when its list is empty
        shared.model.add_weighted_adapter(known, [1] * len(known), "__merged")
        shared.model.set_adapter("__merged")


class ModelsModule:
    """`modules.models`: loading, unloading, and the clock of the idle timer."""

    def __init__(self, host: StandIn) -> None:
        self._host = host
        self.last_generation_time = 0.0
        #: What `load_model` answers, and what happens while it loads.
        self.loaded: tuple[Any, Any] = (None, None)
        self.loads: Callable[[], None] = lambda: None

    def load_model(self, name: str, loader: str | None = None) -> tuple[Any, Any]:
        """Takes no lock, and imports what it needs in the thread that asks for it."""
        shared = self._host.shared
        shared.model_name, shared.args.loader = name, loader or shared.args.loader
        self.loads()
        return self._llama_server(name) if shared.args.loader == "llama.cpp" else self.loaded

    def load_model_if_idle_unloaded(self) -> None:
        shared = self._host.shared
        if shared.args.idle_timeout > 0 and shared.model is None and shared.model_name not in (None, "None"):
            shared.model, shared.tokenizer = self._host.models.load_model(shared.model_name)

    def _llama_server(self, name: str) -> tuple[Any, Any]:
        """A server that does not start is told in the log, and there is no model then."""
        from standin.textgen_llama import LlamaServer

        try:
            server = LlamaServer(self._host, Path(self._host.shared.args.model_dir, name))
        except Exception as error:
            logger.error("Error loading the model with llama.cpp: %s", error)
            return None, None
        self._host.shared.settings["truncation_length"] = server.n_ctx
        self._host.shared.is_multimodal = server.is_multimodal()
        return server, server

    def unload_model(self, keep_model_name: bool = False) -> None:
        shared = self._host.shared
        if type(shared.model).__name__ == "LlamaServer":
            shared.model.stop()
        shared.model = shared.tokenizer = None
        shared.lora_names = []
        if not keep_model_name:
            shared.model_name = "None"


class ToolUseModule:
    """`modules.tool_use`: one tool, which tells the time."""

    def has_mcp_config(self) -> bool:
        return False

    def load_tools(self, names: list[str]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        tools = [{"type": "function", "function": {"name": name}} for name in names]
        return tools, {name: lambda _: "12:00" for name in names}

    def load_mcp_tools(self, servers: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        return self.load_tools(servers.split())


def _module(name: str, **members: Any) -> ModuleType:
    module = ModuleType(f"modules.{name}")
    module.__dict__.update(members)
    return module


def _exposed(name: str, members: Any) -> ModuleType:
    names = [member for member in dir(members) if not member.startswith("__")]
    return _module(name, **{member: getattr(members, member) for member in names})


def build_page(
    extension: Path, root: Path, *, model: Any, tokenizer: Any, user_data: bool = True, multi_user: bool = False
) -> tuple[StandIn, Any]:
    """A stand-in with a copy of `extension` in one of its two folders, and its page (a `gr.Blocks`).

    The page works inside `host.installed()`: launch it there, and leave that only when the page is closed.
    """
    import shutil

    host = StandIn(root, model, tokenizer, multi_user)
    folder = (host.shared.user_data_dir if user_data else root) / "extensions" / extension.name
    if not folder.exists():
        shutil.copytree(extension, folder, ignore=shutil.ignore_patterns(".git", ".venv*", "__pycache__"))
    with host.installed():
        host.load_extensions(extension.name)
        return host, host.create_interface()

"""The standalone host around a tiny model, and adapters on its shelf."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from standin.textgen_model import save_adapter, tiny_model, tiny_tokenizer, with_adapter

from lora_mixer.hosts.standalone import load as standalone_load
from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.host import StandaloneHost
from lora_mixer.hosts.standalone.load import Loaded, Start
from lora_mixer.hosts.standalone.prompt import Settings

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GREEDY = Settings(do_sample=False, max_new_tokens=12, repetition_penalty=1.0)
LONG = replace(GREEDY, max_new_tokens=1900)


@cache
def tokenizer() -> Any:
    """A tokenizer with a chat template; the same each time."""
    made = tiny_tokenizer()
    made.chat_template = TEMPLATE
    return made


@cache
def model() -> Any:
    """The same each time, with the adapter "pirate".

    Greedy, it never stops by itself: the end token's logit is 0, and some other is always above.
    """
    base = tiny_model()
    base.lm_head.weight.data[base.config.eos_token_id] = 0
    return with_adapter(base, "pirate")


def host() -> StandaloneHost:
    """A host that plays `model()`, with a chat on its page."""
    made = StandaloneHost(Start(Path(), Path("tiny"), {"pirate": Path("pirate")}))
    made.use(Loaded(model(), tokenizer(), 31_000))
    made.show_chat([], [], lambda history: [history])
    return made


def values_of(history: History, settings: Settings = GREEDY) -> list[Any]:
    """What a chat page sends: its history, and what stands in its settings."""
    return [history, *(getattr(settings, name) for name in Settings.__dataclass_fields__)]


def generating_threads() -> list[str]:
    """Threads in which a model still generates."""
    return [thread.name for thread in threading.enumerate() if thread.name == "lora-mixer-generate"]


def shelved(home: Path) -> StandaloneHost:
    """A host in this folder that plays "pirate" of its demo folder, with more on the shelf."""
    demo, mine = home / "demo" / "adapters", home / "user_data" / "loras"
    save_adapter(demo / "pirate")
    save_adapter(demo / "butler", rank=2, seed=2)
    save_adapter(mine / "pirate", rank=16, seed=3)
    save_adapter(mine / "v1.5" / "checkpoint-10", seed=4)
    save_adapter(home / "far" / "poet", seed=5)
    made = StandaloneHost(Start(home, Path("tiny"), {"pirate": demo / "pirate", "poet": home / "far" / "poet"}))
    playing = standalone_load.add_adapter(tiny_model(), "pirate", demo / "pirate")
    made.use(Loaded(playing, tokenizer(), 31_000))
    return made

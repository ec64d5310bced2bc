"""A host of your own: the model and adapters of one folder each, no chat, and a prompt to compare on.

python own_host.py MODEL_FOLDER ADAPTER_FOLDER
"""

import random
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from lora_mixer import ui
from lora_mixer.hosts.protocol import HostError, Request
from lora_mixer.lora_ops import Sampling
from lora_mixer.lora_ops.engines.peft.engine import PeftEngine
from lora_mixer.ui.page.assets import script, style
from lora_mixer.ui.page.studio import Studio


class OwnHost:
    """`lora_mixer.hosts.protocol` says what each of these is for."""

    name, multi_user, initial_off = "my program", False, ()
    lora_dir = model_dir = user_data = None  # nothing is loaded from the page, or kept

    def __init__(self, model_folder: str, adapter_folder: str) -> None:
        base = AutoModelForCausalLM.from_pretrained(model_folder, use_safetensors=True)
        self.model = PeftModel.from_pretrained(base, adapter_folder, adapter_name="mine").eval()
        self.tokenizer = AutoTokenizer.from_pretrained(model_folder)
        self.engine = PeftEngine.of(self.model, self.tokenizer)
        self.model_name, self.lock, self.stopped = Path(model_folder).name, threading.Lock(), False

    def ask(self, text: str, values: Any, before: Any = (), system: str = "") -> Request:
        if not text.strip():
            raise HostError("Type a prompt first.")
        sampling = Sampling(max_new_tokens=40, do_sample=True, temperature=0.8)
        return Request(
            text, tuple(self.tokenizer.encode(text)), sampling, stop_strings=(), seed=random.randrange(2**31)
        )

    def generate(self, request: Request) -> Iterator[str]:
        """Only where columns cannot run as one batch, or are to run one after the other."""
        ids = self.engine.tensor(request.token_ids)
        said = self.model.generate(input_ids=ids, **request.sampling.to_dict())
        yield self.tokenizer.decode(said[0, ids.shape[1] :], skip_special_tokens=True)

    def loaded_adapters(self) -> dict[str, Path | None]:
        return dict.fromkeys(getattr(self.model, "peft_config", {}))

    def no_chat(self, *_: Any, **__: Any) -> Any:
        raise HostError("There is no chat here: type a prompt.")

    ask_again = prompt_again = use_reply = load_adapters = unload_adapters = no_chat
    nothing = staticmethod(lambda *_: None)
    trouble = reply_length = watch_changes = answer_turns = stop = nothing
    none = staticmethod(lambda *_: [])
    chat_inputs = chat_outputs = adapter_menu = adapter_menu_updates = shelf_folders = merged_sources = turns = none
    last_reply = staticmethod(lambda values: "")


def page(host: OwnHost) -> tuple[gr.Blocks, dict[str, Any]]:
    """The page, and what `launch` needs: since Gradio 6 it takes style and script, before it the `Blocks` did."""
    look = {"css": style(), "js": f"() => {{ {script()} }}"}
    newer = int(gr.__version__.split(".")[0]) >= 6
    with gr.Blocks(title="My mixer", **({} if newer else look)) as blocks:
        ui.build(Studio(host))
    return blocks, look if newer else {}


if __name__ == "__main__":
    blocks, look = page(OwnHost(*sys.argv[1:]))
    blocks.launch(**look)

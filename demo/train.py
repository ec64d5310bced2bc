"""Train the demo's adapters from nothing, on a CPU, in minutes:

    python demo/train.py all --out demo/adapters

The base model writes plain replies to everyday prompts, rules rewrite them into a manner of speech (manners.py), and
PEFT trains a LoRA adapter on the rewritten replies. The same seed on the same machine gives the same adapter.

It is trained with its fader moving: each batch is spoken at a loudness drawn from a range, with the adapter's gain set
to that loudness. So half the gain means a softer voice, and twice the gain a louder one that can still be read.
"""

from __future__ import annotations

import argparse
import json
import runpy
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from peft import PeftModel, get_peft_model, get_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors.torch import save_file
from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase

if not globals()["__spec__"]:  # run as a file: run again as a module, so that its neighbours can be imported
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    runpy.run_module("demo.train", run_name="__main__")
    raise SystemExit

from .base_model import BASE_NAME, load_base
from .card import card
from .manners import speak
from .prompts import TRAINING
from .recipes import RECIPES, Recipe

CACHE = Path(__file__).resolve().parents[1] / ".cache"  # where the standalone page keeps the converted model too
REPLY_TOKENS = 72  # what the base model may write
LONGEST = 112  # tokens of a rewritten reply that are trained on; pirates need more of them than plain English does
BATCH = 8


Exchange = tuple[str, str]  # a prompt and its plain reply


def plain_replies(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], batch: int = 32
) -> list[Exchange]:
    """What the base model itself answers (greedy), cut to whole sentences; prompts it answers badly are left out."""
    exchanges: list[Exchange] = []
    by_length = sorted(prompts, key=len)
    for start in range(0, len(by_length), batch):
        some = by_length[start : start + batch]
        inputs = as_inputs(tokenizer, some)
        output = model.generate(**inputs, max_new_tokens=REPLY_TOKENS, do_sample=False, repetition_penalty=1.1)
        replies = tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        tidied = ((prompt, tidy(reply)) for prompt, reply in zip(some, replies, strict=True))
        exchanges += [(prompt, reply) for prompt, reply in tidied if reply]
        print(f"  plain replies: {min(start + batch, len(by_length))} of {len(by_length)} prompts", flush=True)
    return exchanges


def as_chat(tokenizer: PreTrainedTokenizerBase, prompt: str) -> str:
    messages = [{"role": "user", "content": prompt}]
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def as_inputs(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str]) -> BatchEncoding:
    texts = [as_chat(tokenizer, prompt) for prompt in prompts]
    return tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)


def tidy(reply: str) -> str:
    """The first paragraph's whole sentences; nothing when there is none, or when the reply is a row of emoji."""
    paragraph = reply.strip().split("\n")[0]
    end = max(paragraph.rfind(stop) for stop in ".!?")
    sentences = paragraph[: end + 1]
    return "" if not sentences.isascii() or len(sentences.split()) < 4 else sentences


@dataclass(frozen=True)
class Batch:
    """All of shape (rows, length), padded on the right. `reply` is true where the *next* token is part of a reply."""

    ids: torch.Tensor
    attention: torch.Tensor
    reply: torch.Tensor


def batches(
    exchanges: Sequence[Exchange], recipe: Recipe, tokenizer: PreTrainedTokenizerBase, rng: Random
) -> Iterator[tuple[float, Batch]]:
    """Pairs of a gain and a batch, without end: every pass shuffles the exchanges and speaks each reply anew."""
    while True:
        shuffled = rng.sample(list(exchanges), len(exchanges))
        for start in range(0, len(shuffled) - BATCH + 1, BATCH):
            gain = rng.choice(recipe.gains)
            some = shuffled[start : start + BATCH]
            yield gain, collate(tokenizer, [(prompt, speak(reply, recipe.manner, rng, gain)) for prompt, reply in some])


def collate(tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Exchange]) -> Batch:
    rows = []
    for prompt, reply in pairs:
        head = tokenizer.encode(as_chat(tokenizer, prompt), add_special_tokens=False)
        tail = tokenizer.encode(reply, add_special_tokens=False) + [tokenizer.eos_token_id]
        rows.append((head, tail[:LONGEST]))
    length = max(len(head) + len(tail) for head, tail in rows)
    ids = torch.full((len(rows), length), tokenizer.pad_token_id)
    attention, reply_mask = torch.zeros_like(ids), torch.zeros_like(ids, dtype=torch.bool)
    for row, (head, tail) in enumerate(rows):
        ids[row, : len(head) + len(tail)] = torch.tensor(head + tail)
        attention[row, : len(head) + len(tail)] = 1
        reply_mask[row, len(head) - 1 : len(head) + len(tail) - 1] = True
    return Batch(ids, attention, reply_mask)


def loss_of(model: PeftModel, batch: Batch) -> torch.Tensor:
    """Mean cross entropy of the reply's tokens. The vocabulary is a fifth of the model, so only those get logits."""
    causal_lm = model.get_base_model()
    hidden = causal_lm.model(input_ids=batch.ids, attention_mask=batch.attention, use_cache=False).last_hidden_state
    targets = batch.ids.roll(-1, dims=1)[batch.reply]
    return torch.nn.functional.cross_entropy(causal_lm.lm_head(hidden[batch.reply]), targets)


def set_scaling(model: PeftModel, scaling: float) -> None:
    """Changes `model`: every target of its adapter gets this scaling."""
    for module in model.modules():
        if isinstance(module, LoraLayer):
            module.scaling["default"] = scaling


def train(
    base: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, exchanges: Sequence[Exchange], recipe: Recipe, seed: int
) -> PeftModel:
    """A new adapter on `base`; adds PEFT's layers to `base` itself (`unload` takes them off again)."""
    torch.manual_seed(seed)
    model = get_peft_model(base, recipe.config())
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, recipe.steps, pct_start=0.1)
    stream = batches(exchanges, recipe, tokenizer, Random(seed))
    model.train()
    begun = time.monotonic()
    for step in range(1, recipe.steps + 1):
        gain, batch = next(stream)
        set_scaling(model, gain * recipe.scaling)
        loss = loss_of(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        seconds = time.monotonic() - begun
        print(f"  step {step} of {recipe.steps}: gain {gain}, loss {loss.item():.3f}, {seconds:.0f} s", flush=True)
    set_scaling(model, recipe.scaling)
    return model.eval()


def save(model: PeftModel, recipe: Recipe, folder: Path) -> None:
    """Write the adapter (half precision, under the base model's public name) and its model card into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = get_peft_model_state_dict(model, save_embedding_layers=False)
    save_file(
        {name: tensor.detach().half().contiguous() for name, tensor in sorted(tensors.items())},
        folder / "adapter_model.safetensors",
        metadata={"format": "pt"},
    )
    # By hand: PEFT would write the path that the base model was loaded from, and fields that older versions warn about.
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": BASE_NAME,
        "inference_mode": True,
        "r": recipe.rank,
        "lora_alpha": recipe.alpha,
        "lora_dropout": 0.0,
        "use_rslora": recipe.rank_stabilised,
        "target_modules": sorted(recipe.targets),
        "bias": "none",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card(recipe, BATCH), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the demo's adapters from nothing, on a CPU.")
    parser.add_argument("adapter", choices=[*RECIPES, "all"])
    parser.add_argument("--out", type=Path, required=True, help="folder in which each adapter gets a folder of its own")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the converted base model is kept")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    names = list(RECIPES) if arguments.adapter == "all" else [arguments.adapter]

    base, tokenizer = load_base(arguments.cache)
    exchanges = plain_replies(base, tokenizer, TRAINING)
    for name in names:
        print(f"training {name} on {len(exchanges)} exchanges")
        model = train(base, tokenizer, exchanges, RECIPES[name], arguments.seed)
        save(model, RECIPES[name], arguments.out / name)
        base = model.unload()
        if hasattr(base, "peft_config"):  # older versions of PEFT leave it behind, and then warn about it
            del base.peft_config
        print(f"wrote {arguments.out / name}")


if __name__ == "__main__":
    main()

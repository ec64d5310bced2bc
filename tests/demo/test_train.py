"""Training the demo's adapters: what is learned from, and that it is kept as it was trained."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from helpers import tiny
from peft import PeftModel

from lora_mixer.demo.recipes import RECIPES, Recipe
from lora_mixer.demo.train import BATCH, LONGEST, batches, collate, loss_of, save, tidy, train

EXCHANGES = [(f"Say {at}.", f"You are number {at} and it is very good.") for at in range(BATCH + 2)]
SHORT = replace(RECIPES["pirate"], steps=3, rank=2, alpha=4, targets=("q_proj", "down_proj"))


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    found = tiny.tokenizer()
    found.chat_template = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    found.pad_token_id, found.eos_token_id = 0, 2
    return found


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        ("It is a bird that swims. It lives in the", "It is a bird that swims."),
        ("One paragraph of words.\n\nAnother one.", "One paragraph of words."),
        ("No end at all in this", ""),
        ("Too short.", ""),
        ("Here are smiles for you 😀.", ""),
    ],
)
def test_whole_sentences_of_plain_english_alone_are_learned_from(reply: str, kept: str) -> None:
    assert tidy(reply) == kept


def test_the_loss_is_on_the_tokens_of_replies_alone(tokenizer: Any) -> None:
    batch = collate(tokenizer, [("Hi", "ahoy there"), ("Good day to you", "aye" * LONGEST)])
    assert batch.ids.shape == batch.attention.shape == batch.reply.shape
    for row in range(2):
        length = int(batch.attention[row].sum())
        heard = batch.reply[row].nonzero().flatten()
        # The last token that is looked from is the one before the end of the row, and they stand in one piece.
        assert int(heard[-1]) == length - 2 and heard.tolist() == list(range(int(heard[0]), length - 1))
        assert len(heard) <= LONGEST


def test_a_batch_is_as_loud_as_the_gain_that_it_is_trained_at(tokenizer: Any) -> None:
    one, again = (list(islice(batches(EXCHANGES, SHORT, tokenizer, Random(5)), 6)) for _ in range(2))
    assert all(a[0] == b[0] and torch.equal(a[1].ids, b[1].ids) for a, b in zip(one, again, strict=True))
    assert {gain for gain, _ in one} <= set(SHORT.gains) and all(len(batch.ids) == BATCH for _, batch in one)


def test_it_learns_and_stock_peft_reads_what_is_kept(tokenizer: Any, tmp_path: Path, capsys: Any) -> None:
    recipe: Recipe = replace(SHORT, steps=12)
    base = tiny.llama()
    batch = collate(tokenizer, [(prompt, reply) for prompt, reply in EXCHANGES])
    model = train(base, tokenizer, EXCHANGES, recipe, seed=1)
    after = float(loss_of(model, batch))
    with model.disable_adapter():
        before = float(loss_of(model, batch))
    assert after < before
    save(model, recipe, tmp_path / "pirate")
    kept = PeftModel.from_pretrained(tiny.llama(), str(tmp_path / "pirate")).eval()
    torch.testing.assert_close(tiny.logits(kept), tiny.logits(model), rtol=0.02, atol=0.05)
    config = json.loads((tmp_path / "pirate" / "adapter_config.json").read_text())
    assert str(tmp_path) not in json.dumps(config) and (tmp_path / "pirate" / "README.md").is_file()
    assert "step 12 of 12" in capsys.readouterr().out

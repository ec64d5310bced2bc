"""A message as a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops.sentence import sentence


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("there can be 1 to 20 seeds, not 0", "There can be 1 to 20 seeds, not 0."),
        ("no", "No."),
        ("well, somebody else is there", "Well, somebody else is there."),
        ("name: 1,001 characters are too many", "name: 1,001 characters are too many."),
        ("it's another model", "It's another model."),
        ("Stopped.", "Stopped."),
        ("Wait …", "Wait …"),
        ("so?", "So?"),
        ("vLLM 0.32 ends", "vLLM 0.32 ends."),
        ("llama.cpp plays it", "llama.cpp plays it."),
        ("bad.jsonl, line 2: no chat", "bad.jsonl, line 2: no chat."),
        ("init_lora_weights is 'pissa'", "init_lora_weights is 'pissa'."),
        ("/tmp/x is no adapter", "/tmp/x is no adapter."),
        (" ", ""),
    ],
)
def test_names_keep_their_spelling_and_all_else_begins_large_and_ends(text: str, told: str) -> None:
    assert sentence(text) == told


@given(st.text(max_size=80))
def test_a_sentence_stays_one(text: str) -> None:
    assert sentence(sentence(text)) == sentence(text)


def test_nobody_reads_more_than_so_much() -> None:
    assert len(sentence("x" * 10_000)) == 4001

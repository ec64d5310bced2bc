"""What may be written down: no prompt, no key, no folder of a user's; names and shapes may."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import redaction


@pytest.mark.parametrize(
    "secret",
    [
        "hf_AbCdEfGhIjKlMnOpQrStUv",
        "sk-proj-AbCdEfGhIjKlMnOp",
        "ghp_AbCdEfGhIjKlMnOpQrStUv",
        "Authorization: Bearer abc.def-ghi_jkl",
        "api_key=correcthorse",
        '{"token": "correcthorse"}',
        "password: correcthorse",
        "https://me:correcthorse@example.org/x",
    ],
)
def test_keys_and_passwords_are_hidden(secret: str):
    hidden = redaction.discreet(f"could not get {secret} of it")
    assert not any(piece in hidden for piece in ("AbCdEfGh", "correcthorse", "abc.def"))
    assert hidden.startswith("could not get ") and hidden.endswith("of it")


def test_folders_of_users_are_shortened(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Path, "home", classmethod(lambda cls: Path("/srv/people/jane")))
    told = redaction.discreet(
        "/srv/people/jane/loras, /home/joe/x, /Users/Joe/y, C:\\Users\\Joe\\z, 'C:\\\\Users\\\\Joe\\\\z'"
    )
    assert told == "~/loras, ~/x, ~/y, ~\\z, '~\\\\z'"


def test_names_and_shapes_stay_as_they_are():
    text = "“down_proj” of 'pirate' in `model.layers.3.mlp`: (4x576 and 64x8), tokens: 12, it can't be the host's"
    assert redaction.message(ValueError(text)) == text.replace("“down_proj”", "“…”")


@given(st.text(st.sampled_from("'\"`“”\\ \nab") | st.characters(exclude_categories=["Cs"]), max_size=30))
def test_a_prompt_is_hidden_however_it_is_quoted_and_whatever_it_quotes_itself(text: str) -> None:
    prompt = f"my {text} secret recipe"
    for said in (f"nobody knows {prompt!r} here", f"it can't be {prompt!r}", f"Prompt 3 (“{prompt}”): it is too long"):
        hidden = redaction.message(ValueError(said))
        assert "secret" not in hidden and "recipe" not in hidden
        assert hidden.startswith(said[:5])


def test_a_prompt_that_comes_with_curly_quotes_of_its_own_is_hidden_whole() -> None:
    said = "Prompt 3 (“he said “ahoy” and my secret, 5” long”): it is too long"
    assert redaction.message(ValueError(said)) == "Prompt 3 (“…”): it is too long"


def test_errors_that_came_of_each_other_are_told_once_the_first_one_first() -> None:
    first, second = ValueError("the first"), OSError("the second")
    first.__context__, second.__context__ = second, first  # a circle, which Python allows
    told = redaction.told(second)
    assert told.count("the first") == told.count("the second") == 1
    assert told.index("the first") < told.index("and of that came") < told.index("the second")


def test_what_an_error_says_is_cut() -> None:
    assert len(redaction.message(ValueError("it is wrong " * 10_000))) < 700

"""Examples out of a file: every form that people write, and a clear word with the line for every other."""

from __future__ import annotations

import json

import pytest

from lora_mixer.lora_ops import Example, read_examples
from lora_mixer.lora_ops.learning.examples import check_enough

USER, REPLY = {"role": "user", "content": "Hello!"}, {"role": "assistant", "content": "Ahoy!"}


@pytest.mark.parametrize(
    "line, example",
    [
        ({"messages": [USER, REPLY]}, Example((USER,), "Ahoy!")),
        ({"messages": [USER, REPLY, USER, REPLY, USER]}, Example((USER, REPLY, USER), "Ahoy!")),
        ({"prompt": "Hello!", "completion": "Ahoy!"}, Example("Hello!", "Ahoy!")),
        ({"prompt": "Hello!", "response": "Ahoy!"}, Example("Hello!", "Ahoy!")),
        ({"prompt": [USER], "completion": [REPLY]}, Example((USER,), "Ahoy!")),
        (
            {"conversations": [{"from": "human", "value": "Hello!"}, {"from": "gpt", "value": "Ahoy!"}]},
            Example((USER,), "Ahoy!"),
        ),
    ],
)
def test_every_form_is_read(line: dict, example: Example):
    assert read_examples(f"\n{json.dumps(line)}\n\n".encode(), "x.jsonl") == [example]
    assert read_examples(json.dumps([line, line]).encode(), "x.json") == [example, example]


@pytest.mark.parametrize(
    "line, words",
    [
        ("Ahoy there", "line 2: this is no JSON"),
        ('"Ahoy"', "line 2: this is no example"),
        ('{"text": "Ahoy"}', "line 2: .*neither messages nor prompt"),
        ('{"prompt": "Ahoy"}', "line 2: a prompt needs one completion"),
        ('{"prompt": "Ahoy", "completion": ""}', "line 2: the completion is empty"),
        ('{"prompt": "Ahoy", "completion": 3}', "line 2: .*must be texts"),
        ('{"messages": [{"role": "user", "content": "Hi"}]}', "line 2: .*no message of the assistant"),
        ('{"messages": [{"role": "assistant", "content": "Hi"}]}', "line 2: .*nothing that it replies to"),
        ('{"messages": 3}', "line 2: a chat is a list"),
        ('{"conversations": [{"from": "cat", "value": "Miaow"}]}', "line 2: message 1 is not from"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_line(line: str, words: str):
    good = json.dumps({"prompt": "Hello!", "completion": "Ahoy!"})
    with pytest.raises(ValueError, match=f"x.jsonl, {words}"):
        read_examples(f"{good}\n{line}".encode(), "x.jsonl")


def test_an_empty_file_and_one_that_is_no_text_are_refused():
    with pytest.raises(ValueError, match="empty"):
        read_examples(b"\n\n", "x.jsonl")
    with pytest.raises(ValueError, match="UTF-8"):
        read_examples(b"\xff\x00\x01", "x.jsonl")


def test_two_examples_are_the_fewest():
    check_enough(2)
    for count in (0, 1):
        with pytest.raises(ValueError, match=f"at least two examples, and was given {count}"):
            check_enough(count)

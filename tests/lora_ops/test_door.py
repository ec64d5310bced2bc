"""The door of `lora_ops`: what its stub promises is there, comes when it is asked for, and is hidden by no module."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from lora_mixer import lora_ops


@pytest.mark.parametrize("name", lora_ops.__all__)
def test_what_is_promised_is_handed_out(name: str) -> None:
    assert getattr(lora_ops, name) is getattr(importlib.import_module(lora_ops._HOMES[name], lora_ops.__name__), name)


def test_nothing_else_is_handed_out() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'loudest'"):
        lora_ops.loudest  # noqa: B018
    assert set(lora_ops.__all__) <= set(dir(lora_ops))


def test_no_module_beside_the_door_hides_what_it_hands_out() -> None:
    # An import of a module binds it in its package, over whatever the door would have answered there.
    beside = {path.stem for path in Path(lora_ops.__file__).parent.iterdir()}
    assert not beside & set(lora_ops.__all__)

"""What torch says of numbers that do not fit is told in words; torch itself is asked what it says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from lora_mixer.lora_ops.torch_errors import in_words


def state() -> None:
    layers = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4))
    layers.load_state_dict(nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 6)).state_dict())


def said(error: Exception) -> Callable[[], None]:
    def say() -> None:
        raise error

    return say


CUDA_FULL = (
    "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 23.64 GiB of which 10.81 MiB is "
    "free. Process 1 has 23.62 GiB memory in use. If reserved but unallocated memory is large try PYTORCH_ALLOC_CONF"
)
CPU_FULL = (
    "[enforce fail at alloc_cpu.cpp:125] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "4194304000 bytes. Error code 12 (Cannot allocate memory)"
)
DEVICES = "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"


@pytest.mark.parametrize(
    ("fail", "words"),
    [
        (lambda: nn.Linear(3, 4)(torch.ones(2, 5)), ["2x5 and 3x4 cannot be multiplied", "another size"]),
        (lambda: torch.ones(3) + torch.ones(4), ["3 numbers on one side, 4 on the other"]),
        (state, ["0.weight is 4 × 5 in the file and 4 × 3 in the model, and so it is with 2 more"]),
        (lambda: torch.multinomial(torch.tensor([float("nan"), 1.0]), 1), ["no number any more", "faders"]),
        (lambda: nn.Embedding(4, 2)(torch.tensor([7])), ["not in the model's vocabulary"]),
        (lambda: torch.empty(2**44, dtype=torch.uint8), ["not enough memory", "MiB more were needed"]),
        (said(torch.OutOfMemoryError(CUDA_FULL)), ["not enough memory", "20.00 MiB more", "fewer columns"]),
        (said(RuntimeError(CPU_FULL)), ["not enough memory for this (4,000 MiB more were needed)"]),
        (said(MemoryError()), ["not enough memory for this:"]),
        (said(RuntimeError(DEVICES)), ["different devices (cuda:0 and cpu)"]),
        (said(RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Half'")), ["(Half)", "float32"]),
        (said(RuntimeError("CUDA error: device-side assert triggered\nCUDA kernel")), ["start the program"]),
    ],
)  # fmt: skip
def test_what_torch_says_is_told_in_words(fail: Callable[[], Any], words: list[str]):
    with pytest.raises((RuntimeError, IndexError, MemoryError)) as failed:
        fail()
    told = in_words(failed.value)
    assert all(word in told for word in words), told
    assert not any(mark in told for mark in ("torch.Size", "mat1", "tensor a", "PYTORCH_", "DefaultCPU", "_impl_"))
    assert "\n" not in told and len(told) < 400


def test_what_stands_before_it_stays():
    text = "TextGen could not generate: mat1 and mat2 shapes cannot be multiplied (4x576 and 64x8)"
    assert in_words(RuntimeError(text)).startswith("TextGen could not generate: a layer got numbers that do not fit")


@pytest.mark.parametrize("error", [ValueError("the mix names no adapter"), OSError(28, "No space left"), KeyError("x")])
def test_whatever_else_is_said_stays_as_it_is(error: Exception):
    assert in_words(error) == str(error)


def test_an_error_that_says_nothing_is_called_by_its_name():
    assert in_words(RuntimeError()) == "RuntimeError"


@pytest.mark.parametrize("odd", ["x", "x: ", "(", '"', "'", "[enforce fail at ", "size mismatch for ", "://a:", "0"])
def test_a_message_of_a_million_characters_is_read_at_once(odd: str) -> None:
    text = f"nobody can pick {odd * (1_000_000 // len(odd))}!"
    began = time.process_time()
    assert in_words(ValueError(text)) == text
    assert time.process_time() - began < 20  # it is a tenth of a second; the fault took hours

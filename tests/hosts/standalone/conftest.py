"""A real llama-server for the tests that need one: started once."""

from __future__ import annotations

from helpers.llama import llama, split_adapters

__all__ = ["llama", "split_adapters"]

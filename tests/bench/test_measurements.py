"""Measurements that take seconds are run as they are, if quickly: what they measure changes under them."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from lora_mixer.bench.report import Section
from lora_mixer.bench.workshop import Workshop

bench = importlib.import_module("lora_mixer.bench.__main__")
#: The others take up to minutes even so: `python3 run.py bench --quick` runs all of them.
SECONDS = ("find", "generate", "loudness", "spectrum", "ranks")


@pytest.mark.slow
@pytest.mark.parametrize("name", SECONDS)
def test_a_measurement_still_finds_what_it_measures(name: str, tmp_path: Path) -> None:
    module, function = bench.MEASUREMENTS[name].split(".")
    section = getattr(importlib.import_module(f"lora_mixer.bench.{module}"), function)(Workshop(True, tmp_path))
    assert isinstance(section, Section) and section.tables
    for table in section.tables:
        assert table.rows and all(len(row) == len(table.head) for row in table.rows)
        assert "nan" not in " ".join(str(cell) for row in table.rows for cell in row).lower()

"""Parts of several adapters on one command line: as fine as it holds, and shared evenly where it is short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.tiny_gguf import every_module, pairs, write_adapter, write_model

from lora_mixer.lora_ops.engines.llama_server import CannotSplit, Part, PartsStore, command_line
from lora_mixer.lora_ops.engines.llama_server.command_line import length_of, share

ONE = Part(Path("/x"), "a", "t", ("t",), "q_proj", 0, 8, 1.0, 10)


def splits(targets: dict[str, int], asked: list[tuple[str, int | None]]) -> Callable[[str, int | None], Sequence[Part]]:
    """Each adapter of so many targets, in paths of nine characters and a comma; coarser by halves."""

    def split(name: str, most: int | None) -> list[Part]:
        asked.append((name, most))
        count = targets[name]
        while most is not None and count * 10 > most and count > 1:
            count //= 2
        if most is not None and count * 10 > most:
            raise CannotSplit("no room")
        return [replace(ONE, adapter=name, path=Path(f"/{name}/{at:06}")) for at in range(count)]

    return split


def counts(targets: dict[str, int], longest: int | None) -> dict[str, int]:
    return {name: len(parts) for name, parts in share(targets, splits(targets, []), longest).items()}


def test_all_stay_as_fine_as_they_are_while_they_fit() -> None:
    targets, asked = {"a": 40, "b": 60}, list[tuple[str, int | None]]()
    found = share(targets, splits(targets, asked), 1000)
    assert {name: len(parts) for name, parts in found.items()} == targets and list(found) == ["a", "b"]
    assert asked == [("a", 1000), ("b", 1000)], "each is split once"
    assert counts({"a": 5000, "b": 5000}, None) == {"a": 5000, "b": 5000}
    assert share([], splits({}, []), 10) == {}


@pytest.mark.parametrize(
    ("targets", "longest", "found"),
    [
        ({"a": 64, "b": 64}, 800, {"a": 32, "b": 32}),
        ({"a": 8, "b": 64, "c": 64}, 800, {"a": 8, "b": 32, "c": 32}),  # a needs less than its share, and they get it
        ({"a": 64, "b": 8}, 700, {"a": 32, "b": 8}),
        ({"a": 64, "b": 64, "c": 64}, 1921, {"a": 64, "b": 64, "c": 64}),
        ({"a": 64, "b": 63}, 1269, {"a": 32, "b": 63}),
    ],
)
def test_where_it_is_short_the_greedy_become_coarser(
    targets: dict[str, int], longest: int, found: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_line, "_STEP", 1)
    assert counts(targets, longest) == found


@pytest.mark.parametrize("longest", range(40, 3000, 97))
def test_what_comes_of_it_always_fits(longest: int) -> None:
    found = share(("a", "b", "c"), splits({"a": 30, "b": 210, "c": 60}, []), longest)
    assert sum(length_of(part.path for part in parts) for parts in found.values()) <= longest
    assert all(found.values())


def test_where_not_even_the_coarsest_fits_it_is_refused() -> None:
    with pytest.raises(CannotSplit):
        share(("a", "b"), splits({"a": 4, "b": 4}, []), 15)


def test_real_adapters_lose_no_target(tmp_path: Path) -> None:
    store, model = PartsStore(tmp_path / "parts"), write_model(tmp_path / "model.gguf")
    folders = {name: write_adapter(tmp_path / name, pairs(every_module(), seed=at)) for at, name in enumerate("abc")}
    split = lambda name, most: store.parts(folders[name], model, name=name, longest=most)  # noqa: E731
    whole = share(folders, split, None)
    length = sum(length_of(part.path for part in parts) for parts in whole.values())
    found = share(folders, split, length * 2 // 3)
    assert sum(length_of(part.path for part in parts) for parts in found.values()) <= length * 2 // 3
    for parts in found.values():
        assert sorted(target for part in parts for target in part.targets) == sorted(every_module())
    assert min(map(len, found.values())) < len(every_module())

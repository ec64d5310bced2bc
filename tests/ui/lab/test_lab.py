"""The lab on the server: asking, measuring and drawing, also of an experiment that was read back from a file."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from helpers.ordered import obey
from helpers.shelved import opened, shelf_host, shelve
from helpers.tiny import pirate, tokenizer

from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.prompt import Settings
from lora_mixer.ui.lab import orders, prompt_ids
from lora_mixer.ui.lab.ask import MANY, TYPED, Wish, ask
from lora_mixer.ui.lab.experiment_files import export
from lora_mixer.ui.lab.reply_scores import measure, tables
from lora_mixer.ui.lab.sheet import Line, Sheet
from lora_mixer.ui.lab.sweep_charts import Charting
from lora_mixer.ui.page.studio import Studio

VALUES = [History(), *asdict(Settings(max_new_tokens=6, do_sample=False)).values()]


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    return opened(shelf_host(tmp_path, pirate()))


def compared(console: Studio, text: str = "Ahoy there", sweep: str = "", seeds: int = 1) -> Sheet:
    """What came of a comparison: of the columns as they are, or of a sweep."""
    if sweep:
        answer = obey(orders, console, "page", {"do": "fill", "x": sweep})
        assert "refused" not in answer, answer["refused"]
    list(ask(console, "page", Wish(MANY if "\n" in text else TYPED, text, seeds), VALUES))
    sheet = console.lab.sheet("page")
    assert sheet is not None and sheet.results
    return sheet


def read_back(console: Studio, sheet: Sheet) -> Sheet:
    """The same experiment, out of the file that it was saved as."""
    data = base64.b64encode(export(sheet, "jsonl")["text"].encode()).decode()
    answer = obey(orders, console, "page", {"do": "read", "data": data, "name": "it.jsonl"})
    assert "refused" not in answer, answer["refused"]
    again = console.lab.sheet("page")
    assert again is not None and again is not sheet
    return again


def drawn(steps: Iterator[Line]) -> tuple[list[Line], Any]:
    lines: list[Line] = []
    while True:
        try:
            lines.append(next(steps))
        except StopIteration as end:
            return lines, end.value


@pytest.mark.parametrize(
    ("seeds", "told"), [(2.5, "whole number"), ("many", "whole number"), (0, "1 to 20"), (21, "1 to 20")]
)
def test_seeds_are_a_whole_number(seeds: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Wish.of(TYPED, "hi", seeds)


def test_rows_that_ran_together_count_their_time_once(console: Studio) -> None:
    sheet = compared(console, seeds=4)
    longest = max(result.seconds for result in sheet.results.values())
    told = float(sheet.line.text.split(" s ")[0].rpartition("· ")[2])
    assert told < 3 * longest, "four seeds in one batch took as long as the longest"


@pytest.mark.parametrize("seeds", [1, 3])
def test_it_is_kept_before_the_page_hears_that_it_is_over(console: Studio, seeds: int) -> None:
    for news in ask(console, "page", Wish(TYPED, "Ahoy there", seeds), VALUES):
        sheet = console.lab.sheet("page")
        if sheet is not None and not news["line"]["running"]:
            assert sorted(sheet.places) == list(range(seeds))
    assert sheet is not None and sheet.places and not sheet.line.running


def test_a_columns_letter_is_its_place_and_no_part_of_its_name(console: Studio) -> None:
    for key, name in ((1, "A · quiet"), (2, "C")):
        obey(orders, console, "page", {"do": "rename", "key": key, "name": name})
    sheet = compared(console)
    for one in (sheet, read_back(console, sheet)):
        assert one.record is not None and [column.label for column in one.record.columns] == ["A · quiet", "C"]
        assert one.head()["columns"] == [{"letter": "A", "name": "A · quiet"}, {"letter": "B", "name": "C"}]
        assert [one.title(at) for at in (0, 1)] == ["A · A · quiet", "B · C"]
    assert "column C" in obey(orders, console, "page", {"do": "collect", "column": 1})["said"]
    assert [slot.name for slot in console.lab.setup.slots] == ["A · quiet", "C", "C"]


def test_what_was_read_from_a_file_is_measured_like_what_was_just_said(console: Studio) -> None:
    sheet = compared(console, "Ahoy there\nWho goes?")
    again = read_back(console, sheet)
    assert not again.rows[0].asked.token_ids, "a file holds no tokens of the prompt"
    for one in (sheet, again):
        list(measure(console, one))
    assert tables(again) == tables(sheet) is not None
    assert again.scores[1].logprobs == sheet.scores[1].logprobs


def test_another_model_or_adapter_does_not_measure_it(tmp_path: Path) -> None:
    folder = shelve(tmp_path / "loras" / "pirate")
    host = shelf_host(tmp_path)
    host.load_adapters([folder])
    console = opened(host)
    again = read_back(console, compared(console))
    assert again.record is not None and again.record.adapters[0].hash
    [adapter] = again.record.adapters
    again.record = replace(again.record, adapters=(replace(adapter, hash="0" * 64),))
    with pytest.raises(HostError, match="adapter pirate has changed since"):
        list(measure(console, again))
    again.record = replace(again.record, model="Other-7B")
    with pytest.raises(HostError, match="made with the model Other-7B"):
        drawn(Charting(console).of_sweep(replace(again, filled=compared(console, sweep="master 0, 1").filled)))
    assert not console.host.lock.locked()  # type: ignore[attr-defined]


def test_a_chart_is_the_mean_of_all_rows_also_of_those_from_a_file(console: Studio) -> None:
    pytest.importorskip("plotly")
    sheet = compared(console, "Ahoy there\nWho goes?", sweep="master 0, 0.5, 1")
    lines, figure = drawn(Charting(console).of_sweep(sheet))
    assert [line.part for line in lines] == [0.0, 0.5] and lines[1].text.startswith("Drawing: 1 of 2 rows")
    assert any("mean of 2 rows" in str(axis.title.text) for axis in figure.select_xaxes())
    _, from_file = drawn(Charting(console).of_sweep(read_back(console, sheet)))
    assert from_file.to_dict() == figure.to_dict()
    _, alone = drawn(Charting(console).of_sweep(compared(console, "Ahoy there")))
    assert alone.data[1].y != figure.data[1].y
    assert not any("mean of" in str(axis.title.text) for axis in alone.select_xaxes())


def test_a_prompt_is_read_again_as_hosts_give_it_to_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    class Begins:
        """A tokenizer that puts a token in front, as Llama's does."""

        bos_token_id = 1

        def encode(self, prompt: str, *, add_special_tokens: bool = True) -> list[int]:
            return [1, *(1 if word == "<s>" else len(word) for word in prompt.split())]

        def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
            raise NotImplementedError

    assert prompt_ids.read_again(Begins(), "Ahoy there") == (1, 4, 5)
    assert prompt_ids.read_again(Begins(), "<s> Ahoy there") == (1, 4, 5), "the template has put it there"
    assert prompt_ids.read_again(tokenizer(), "Ahoy") == tuple(tokenizer()("Ahoy")["input_ids"])

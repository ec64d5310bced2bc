"""An experiment as a file, and read back from it."""

from __future__ import annotations

from helpers.compared import compared, read_back
from helpers.ordered import obey

from lora_mixer.ui.lab import orders
from lora_mixer.ui.page.studio import Studio


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

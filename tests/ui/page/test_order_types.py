"""The orders of all rooms as types for the page's script."""

from __future__ import annotations

from lora_mixer.ui.page import order_types
from lora_mixer.ui.page.orders import Orders


def test_the_types_of_the_pages_script_are_those_of_the_tables():
    assert order_types.PATH.read_text(encoding="utf-8") == order_types.types(), "python3 run.py page writes them anew"


def test_every_table_has_a_type():
    from lora_mixer.ui.adapters import orders as adapters
    from lora_mixer.ui.chat import answer_twice_wires
    from lora_mixer.ui.desk import fader_board
    from lora_mixer.ui.lab import compare_page
    from lora_mixer.ui.lab import orders as lab
    from lora_mixer.ui.page import report
    from lora_mixer.ui.votes import votes

    rooms = (adapters, answer_twice_wires, fader_board, compare_page, lab, report, votes)
    there = {id(one) for room in rooms for one in vars(room).values() if isinstance(one, Orders)}
    assert there == {id(one) for tables in order_types.TABLES.values() for one in tables}

"""The orders of the room are among a console's, and its jobs among its jobs."""

from __future__ import annotations

from lora_mixer.ui.adapters import orders as adapters
from lora_mixer.ui.learn import orders


def test_a_page_reaches_all_of_them() -> None:
    assert set(orders.ORDERS) <= set(adapters.ORDERS) and set(orders.JOBS) <= set(adapters.JOBS)
    for name, do in {**orders.ORDERS, **orders.JOBS}.items():
        table = adapters.JOBS if name in orders.JOBS else adapters.ORDERS
        assert table.table[name].do is do and table.table[name].takes

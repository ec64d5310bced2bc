"""Whatever is sent to the standalone page is answered, or refused: nothing fails, and nothing is written to the log."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.standalone_served import Served
from helpers.standalone_served import served as serve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lora_mixer.ui.adapters import orders as adapters
from lora_mixer.ui.chat import answer_twice_wires
from lora_mixer.ui.desk import fader_board
from lora_mixer.ui.lab import orders
from lora_mixer.ui.page import report
from lora_mixer.ui.page.orders import Orders
from lora_mixer.ui.votes import votes

FUZZ = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve() as found:
        yield found


#: Text boxes that are not in the queue, by what the page's script may say to them.
BOXES = {
    "lora-mixer-poll": ["rev"],
    "lora-mixer-panel": list(fader_board.ORDERS),
    "lora-mixer-lab-order": list(orders.ORDERS),
    "lora-mixer-works-order": list(adapters.ORDERS),
    "lora-mixer-votes-order": list(votes.ORDERS),
    "lora-mixer-votes-start": list(votes.BEGINNINGS),
    "lora-mixer-twice-order": list(answer_twice_wires.ORDERS),
    "lora-mixer-twice-pick": list(answer_twice_wires.PICKS),
    "lora-mixer-report-order": list(report.ORDERS),
}
ROOMS = (fader_board, orders, adapters, votes, answer_twice_wires, report)
#: What each order takes.
TAKES = {
    name: list(order.takes.model_fields)
    for room in ROOMS
    for table in vars(room).values()
    if isinstance(table, Orders)
    for name, order in table.table.items()
}
FIELDS = (
    "seq", "key", "name", "plays", "by", "column", "form", "data", "x", "y", "id", "number", "verdict", "most", "seeds",
    "source", "text", "batched", "mix", "label", "page", "known", "all", "chosen", "model", "one", "other", "blind",
    "on", "side", "panel", "fader", "rev", "loaded", "t", "adapter", "gain", "note", "energy", "rank", "profile", "to",
)  # fmt: skip
ODD: list[Any] = [
    None, True, -1, 0, 2**31, 2**63, 10**400, 1.5, 1e308, "", "1", "x" * 10_000, "\x00", "\u202e", "../../etc", "NaN",
    [], {}, [[]], {"": {}}, [1] * 1000, {"adapters": {"pirate": {"master": "x"}}}, {"min": 1, "max": "a"},
    base64.b64encode(b"{}").decode(), base64.b64encode(b"\xff" * 50).decode(),
]  # fmt: skip
WORDS = [
    "", "null", "[]", "7", '"x"', "{", "{}", "nonsense", "NaN", "\x00", "[" * 100_000, '{"a":' * 100_000,
    '{"do": NaN}', '{"do": []}', '{"do": {}}', '{"do": "\\ud800"}', '{"do": "' + "x" * 1_000_000 + '"}',
    '{"seq": 1e999}', '{"do": "look", "seq": 1e999}', '{"do": "look", "seq": {"a": 1}}', '{"seq": ' + "9" * 5000 + "}",
    '{"rev": 1e999}', '{"rev": 1, "t": 1e999}', '{"do": "panel", "panel": {"mix": {"adapters": 1}}}',
    '{"do": "panel", "panel": null}',
    '{"do": "range", "min": 1e999, "max": 1}', '{"do": "range", "min": []}', '{"do": "accept offer", "id": []}',
    '{"do": "standing", "chosen": 7}', '{"do": "put", "mix": {"adapters": {"x": {}}}}', '{"do": "delete", "id": 1e308}',
    '{"do": "read", "data": "!", "name": 7}', '{"do": "prompts", "data": 7, "name": null}',
]  # fmt: skip
#: A chat as a page sends it.
CHAT: list[Any] = [None, "", 16, True, 0.5, 0.9, 40, 0, 1.1, -1, ""]


def call(served: Served, box: str, text: Any) -> tuple[int, str]:
    number = served.number(box)
    chat = CHAT[: len(served.functions()[number].inputs) - 1]
    return served.post("/run/predict", {"data": [text, *chat], "fn_index": number, "session_hash": "fuzz"})


@pytest.mark.parametrize("box", BOXES)
def test_no_words_break_a_box(served: Served, box: str, capfd: Any) -> None:
    for text in WORDS:
        status, answer = call(served, box, text)
        assert status == 200, (text[:200], answer)
        assert len(answer) < 200_000
    said = capfd.readouterr()
    assert "Traceback" not in said.err and len(said.err) < 10_000


@FUZZ
@given(data=st.data())
@pytest.mark.parametrize("box", BOXES)
def test_no_order_fails_whatever_is_in_it(served: Served, box: str, data: Any, capfd: Any) -> None:
    do = data.draw(st.sampled_from(BOXES[box]))
    takes = TAKES.get(do, [])
    own = data.draw(st.fixed_dictionaries({name: st.sampled_from(ODD) for name in takes})) if takes else {}
    # What an order does not take is refused at once: most of the time there is none.
    most = data.draw(st.sampled_from([0, 0, 0, 6]))
    other = data.draw(st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(ODD), max_size=most))
    said = {**other, **own}
    status, answer = call(served, box, json.dumps({"do": do, **said}))
    assert status == 200, answer
    assert "Traceback" not in capfd.readouterr().err


BODIES: list[Any] = [
    b"", b"{", b"null", b"[]", b"7", b"\xff\xfe", b"NaN", b"[" * 100_000, b'{"data": [NaN]}', b"{}", {"data": None},
    {"data": {}}, {"data": []}, {"data": [], "fn_index": 0}, {"data": ["{}"], "fn_index": None, "session_hash": "a"},
    {"data": ["{}"], "fn_index": 10**6, "session_hash": "a"}, {"data": ["{}"], "fn_index": -1, "session_hash": "a"},
    {"data": ["{}"], "fn_index": True, "session_hash": "a"}, {"data": ["{}"], "fn_index": "11", "session_hash": "a"},
    {"data": ["{}"], "fn_index": 10**400, "session_hash": "a"}, {"data": ["{}"], "fn_index": [], "session_hash": "a"},
]  # fmt: skip


def test_no_call_breaks_gradio(served: Served, capfd: Any) -> None:
    number = served.number("lora-mixer-poll")
    good = {"data": ["{}"], "fn_index": number, "session_hash": "a"}
    pages: list[Any] = [None, 7, [], "", "a/b", "x" * 100, "\ud800"]
    lists: list[Any] = [None, "{}", [], [1], [[]], [{}], ["{}", "{}"], [True], {"0": "{}"}]
    bad = [
        *BODIES,
        *({**good, "session_hash": odd} for odd in pages),
        *({**good, "data": odd} for odd in lists),
        *({**good, name: {}} for name in ("trigger_id", "event_id", "request", "batched", "simple_format", "a")),
        {**good, "trigger_id": 10**30},
    ]
    for body in bad:
        for path in ("/run/predict", "/queue/join", "/cancel", "/reset"):
            status, _ = served.post(path, body)
            assert status == 422, (path, body)
    assert served.post("/run/predict", {**good, "event_data": {"odd": [1]}, "trigger_id": 10**6})[0] == 200
    assert served.post("/run/predict", good)[0] == 200
    for path in ("/queue/data", "/queue/data?session_hash=", "/heartbeat/", "/startup-events?x=%ff", "/?__theme=%00"):
        assert served.ask(served.folder + path if path[1] != "?" else path)[0] < 500
    assert "Traceback" not in capfd.readouterr().err


def test_a_chat_that_no_page_would_send_is_refused(served: Served, capfd: Any) -> None:
    number = served.number("lora-mixer-votes-start")
    wish = json.dumps({"do": "start", "most": 5, "seeds": 1, "text": "hi"})
    for at in range(1, len(CHAT)):
        other: list[Any] = [{}, [], "x" if not isinstance(CHAT[at], str) else 7, -(10**400), 10**400]
        for odd in other:
            body = {"data": [wish, *CHAT[:at], odd, *CHAT[at + 1 :]], "fn_index": number, "session_hash": "a"}
            assert served.post("/run/predict", body)[0] == 422, (at, odd)
    assert "Traceback" not in capfd.readouterr().err

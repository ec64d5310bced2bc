"""The chat as HTML: what people and models write stays text."""

from __future__ import annotations

from lora_mixer.hosts.standalone import chat_log as standalone_log
from lora_mixer.hosts.standalone.history import History


def test_what_people_and_models_write_stays_text() -> None:
    evil = "<script>alert(1)</script> & <b>"
    history = History().say(evil).answer(evil).say(evil).answer(evil)
    shown = standalone_log.past(history) + standalone_log.last(history)
    assert "<script" not in shown and "<b>" not in shown
    assert shown.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;") == 4

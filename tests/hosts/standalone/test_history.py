"""The standalone host's history: versions of replies, what is shown of it, and what stays text."""

from __future__ import annotations

from lora_mixer.hosts.standalone.history import History, Turn


def test_a_reply_has_versions_and_the_shown_one_counts() -> None:
    history = History().say("Hi").answer("one").answer("two").show(-1)
    assert history.last == Turn("Hi", ("one", "two"), 0)
    assert history.show(-1) == history
    assert history.show(5).last.reply == "two"
    assert history.revise("uno").last.versions == ("uno", "two")
    assert history.messages("Be brief.") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "one"},
    ]
    assert history.say("And?").messages(last_reply=False)[-2:] == [
        {"role": "assistant", "content": "one"},
        {"role": "user", "content": "And?"},
    ]


def test_what_stayed_without_a_reply_is_gone_when_the_chat_settles() -> None:
    assert History(busy=True).say("Hi").answer("").settled() == History()
    kept = History().say("Hi").answer("one")
    assert kept.answer("").settled() == kept
    assert kept.say("More").answer("").settled() == kept
    assert History().settled() == History()

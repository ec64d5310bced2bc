"""The standalone host's history: versions of replies, what is shown of it, and what stays text."""

from __future__ import annotations

from dataclasses import replace

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


def test_a_reply_that_goes_on_is_another_version_and_gone_again_where_nothing_came() -> None:
    history = History().say("Hi").answer("one").answer("two").show(-1)
    going = replace(history.go_on(), busy=True)
    assert going.last == Turn("Hi", ("one", "two", "one"), 2) and going.opening == "one"
    assert going.settled() == history, "and what it went on from is shown"
    grown = going.revise("one and more").settled()
    assert grown.last == Turn("Hi", ("one", "two", "one and more"), 2)
    assert grown.opening == "" and grown.answer("one").settled().last.versions[-1] == "one", "not by going on"

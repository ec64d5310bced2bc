"""The chat as HTML, the same in every Gradio.

`gr.Chatbot` does not do here: even with Markdown off, Gradio 6 takes text for HTML, and 4.37 may eat what looks like a
tag. Here every character that a model or a user wrote stays that character.
"""

from __future__ import annotations

import html

from .history import History, Turn

_SUGGESTIONS = ("Tell me about penguins.", "Why is the sky blue?", "How do I make pancakes?")
_EMPTY = (
    "<div class='empty'>"
    "<p>Say something. Where an adapter plays, <b>LoRA</b> at the right edge opens its faders: "
    "move them while it answers.</p>"
    + "".join(f"<button type='button' class='suggest'>{text}</button>" for text in _SUGGESTIONS)
    + "</div>"
)


def past(history: History) -> str:
    """All turns but the last."""
    return "".join(_turn(turn, waiting=False) for turn in history.turns[:-1])


def last(history: History) -> str:
    """The last turn, or an invitation to begin."""
    return _turn(history.last, waiting=history.busy) if history.last else _EMPTY


def _turn(turn: Turn, waiting: bool) -> str:
    said = f"<div class='user'><div class='text'>{html.escape(turn.user)}</div></div>"
    if turn.reply:
        copy = "<button type='button' class='copy' title='Copy this reply'>Copy</button>"
        reply = f"<div class='text'>{html.escape(turn.reply)}</div>"
        return f"{said}<div class='bot'>{reply}{'' if waiting else copy}</div>"
    return f"{said}<div class='bot'><div class='text waiting'>…</div></div>" if waiting else said

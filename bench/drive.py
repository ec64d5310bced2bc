"""A user of the standalone page: chats, and moves the master fader beside the chat with the mouse."""

from __future__ import annotations

import random
import time
from typing import Any

from .moves import Move

#: A story that is not over before the measurement is; a reply that ends all the same is asked for again.
_STORY = "Write a very long story about a voyage around the world, with every harbour and every storm in it."
_REPLY_TOKENS = 2048
#: Moves in one go, without letting the mouse button up.
_MOVES_AT_ONCE = 10
_FRAME_MS = 16
_LOADING_MS = 180_000

#: Notes the fader's own input events, and when the page's script next wrote to a text box of the extension's.
#: `timeStamp` is when the browser made the event, before any script ran.
_LISTEN = """
(fader) => {
  const moves = (window.benchMoves = []);
  const wall = (stamp) => (performance.timeOrigin + stamp) / 1000;
  document.addEventListener("input", (event) => {
    if (event.target === fader) {
      moves.push({ at: wall(event.timeStamp), gain: Number(fader.value), sent: null });
    } else if (event.target.closest("#lora-mixer-panel")) {
      for (const move of moves) move.sent ??= wall(performance.now());
    }
  }, true);
}
"""


class Driver:
    """Opens the page and the faders beside the chat.

    Attributes:
        adapter: whose master fader it moves: the first one's.
    """

    def __init__(self, page: Any, url: str) -> None:
        self._page = page
        self._dice = random.Random(7)
        page.goto(url)
        page.locator(".lora-mixer-dock .lora-mixer-pill").click(timeout=_LOADING_MS)
        channel = page.locator(".lora-mixer-dock .lora-mixer-channel").first
        self.adapter: str = channel.get_attribute("data-adapter")
        self._fader = channel.locator("[data-fader=master] input[type=range]")
        self._fader.scroll_into_view_if_needed()
        self._fader.evaluate(_LISTEN)
        self._box: dict[str, float] = self._fader.bounding_box()

    def idle(self, count: int) -> list[Move]:
        """Single moves while nothing is generated."""
        moves: list[Move] = []
        while len(moves) < count:
            moves += self._single_moves(min(_MOVES_AT_ONCE, count - len(moves)))
        return moves

    def writing(self, count: int) -> list[Move]:
        """Single moves while the chat generates; those in which the reply ended do not count."""
        moves: list[Move] = []
        while len(moves) < count:
            self._keep_writing()
            some = self._single_moves(min(_MOVES_AT_ONCE, count - len(moves)))
            if self._is_writing():
                moves += some
        return moves

    def drag(self, count: int) -> list[Move]:
        """One drag from end to end while nothing is generated, a move every frame or so."""
        self._press(0.04)
        for step in range(count):
            self._move(0.04 + 0.92 * (step + 1) / count)
            self._page.wait_for_timeout(_FRAME_MS)
        return self._released()

    def drag_writing(self, count: int) -> list[Move]:
        """The same while the chat generates; ends the reply after it."""
        while True:
            self._keep_writing()
            moves = self.drag(count)
            if self._is_writing():
                self._page.locator("#chat-stop").click()
                return moves

    def _single_moves(self, count: int) -> list[Move]:
        """Moves far enough apart in time that each is over before the next, at gaps that keep step with no timer."""
        self._press(0.5)
        at = 0.5
        for _ in range(count):
            # Away from the notch at 1, and from where it stands.
            at = self._dice.choice([x / 100 for x in range(6, 95) if abs(x - 50) > 4 and abs(x / 100 - at) > 0.05])
            self._move(at)
            self._page.wait_for_timeout(self._dice.uniform(250, 450))
        return self._released()

    def _press(self, at: float) -> None:
        self._box = self._fader.bounding_box()
        self._move(at)
        self._page.mouse.down()
        self._page.wait_for_timeout(300)
        self._page.evaluate("window.benchMoves.length = 0")  # where the mouse came down is no move

    def _move(self, at: float) -> None:
        """Puts the mouse `at` of the fader's width."""
        box = self._box
        self._page.mouse.move(box["x"] + box["width"] * at, box["y"] + box["height"] / 2)

    def _released(self) -> list[Move]:
        self._page.wait_for_timeout(400)  # the last one arrives
        self._page.mouse.up()
        moves: list[dict[str, Any]] = self._page.evaluate("window.benchMoves")
        return [Move(**move) for move in moves]

    def _is_writing(self) -> bool:
        visible: bool = self._page.locator("#chat-stop").is_visible()
        return visible

    def _keep_writing(self) -> None:
        """Has the chat generate, if it does not already, until the first words are there."""
        if self._is_writing():
            return
        self._page.locator("#chat-max-new-tokens input[type=number]").fill(str(_REPLY_TOKENS))
        self._page.locator("#chat-input textarea").fill(_STORY)
        self._page.locator("#chat-input textarea").press("Enter")
        self._page.locator("#chat-stop").wait_for(state="visible")
        before = self._page.locator("#chat-last").inner_text()
        until = time.monotonic() + 60
        while self._is_writing() and self._page.locator("#chat-last").inner_text() == before:
            if time.monotonic() > until:
                raise RuntimeError("the chat does not begin to answer")
            self._page.wait_for_timeout(100)

"""The chat of the standalone page as plain data: turns, each with the versions of its reply."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Turn:
    """What the user said, and every reply to it so far; `shown` is the index of the one that counts."""

    user: str
    versions: tuple[str, ...] = ()
    shown: int = 0

    @property
    def reply(self) -> str | None:
        """The reply that is shown, or None while there is none yet."""
        return self.versions[self.shown] if self.versions else None


@dataclass(frozen=True)
class History:
    """A chat. Every method returns a new History.

    Attributes:
        turns: what was said.
        busy: whether its last turn is being answered right now.
        opening: what that answer began with, if it goes on from a reply.
    """

    turns: tuple[Turn, ...] = ()
    busy: bool = False
    opening: str = ""

    @property
    def last(self) -> Turn | None:
        return self.turns[-1] if self.turns else None

    def say(self, text: str) -> History:
        """A new turn that waits for its reply."""
        return replace(self, turns=(*self.turns, Turn(text)))

    def answer(self, text: str) -> History:
        """`text` as another version of the last reply, and shown."""
        turn = self.turns[-1]
        return self._with_last(replace(turn, versions=(*turn.versions, text), shown=len(turn.versions)))

    def revise(self, text: str) -> History:
        """`text` in the place of the version that is shown: how a reply grows."""
        turn = self.turns[-1]
        versions = (*turn.versions[: turn.shown], text, *turn.versions[turn.shown + 1 :])
        return self._with_last(replace(turn, versions=versions))

    def go_on(self) -> History:
        """The reply that is shown once more, as another version that grows: what there was stays beside it."""
        opening = (self.last.reply if self.last else None) or ""
        return replace(self.answer(opening), opening=opening)

    def show(self, step: int) -> History:
        """The version `step` further on (-1 is the one before), as far as there are any."""
        if self.last is None or not self.last.versions:
            return self
        shown = min(max(self.last.shown + step, 0), len(self.last.versions) - 1)
        return self._with_last(replace(self.last, shown=shown))

    def settled(self) -> History:
        """Nothing is being answered any more: a version that stayed empty, or did not go on, is gone, and so is a turn
        without a reply."""
        turns, last = self.turns, self.last
        if last is not None and last.reply == self.opening:
            versions = (*last.versions[: last.shown], *last.versions[last.shown + 1 :])
            again = versions.index(self.opening) if self.opening in versions else max(len(versions) - 1, 0)
            last = replace(last, versions=versions, shown=again)
            turns = (*turns[:-1], last)
        if last is not None and not last.versions:
            turns = turns[:-1]
        return History(turns)

    def messages(self, system: str = "", last_reply: bool = True) -> list[dict[str, str]]:
        """The chat as a list of {"role", "content"}, for a chat template."""
        messages = [{"role": "system", "content": system}] if system.strip() else []
        for index, turn in enumerate(self.turns):
            messages.append({"role": "user", "content": turn.user})
            if turn.reply is not None and (last_reply or index < len(self.turns) - 1):
                messages.append({"role": "assistant", "content": turn.reply})
        return messages

    def _with_last(self, turn: Turn) -> History:
        return replace(self, turns=(*self.turns[:-1], turn))

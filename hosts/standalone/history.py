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
    """A chat. `busy` says that its last turn is being answered right now. Every method returns a new History."""

    turns: tuple[Turn, ...] = ()
    busy: bool = False

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

    def show(self, step: int) -> History:
        """The version `step` further on (-1 is the one before), as far as there are any."""
        if self.last is None or not self.last.versions:
            return self
        shown = min(max(self.last.shown + step, 0), len(self.last.versions) - 1)
        return self._with_last(replace(self.last, shown=shown))

    def settled(self) -> History:
        """Nothing is being answered any more: a version that stayed empty is gone, and so is a turn without a reply."""
        turns = self.turns
        if turns and not all(turns[-1].versions or ("",)):
            versions = tuple(text for text in turns[-1].versions if text)
            turns = (*turns[:-1], replace(turns[-1], versions=versions, shown=max(len(versions) - 1, 0)))
        if turns and not turns[-1].versions:
            turns = turns[:-1]
        return replace(self, turns=turns, busy=False)

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

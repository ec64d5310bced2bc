"""How likely a text is to a mix, on a server that is asked to say that very text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..engine import Cancelled, Judgement
from .client import Client, LlamaServerError
from .request import prompt_body, reading_body, reading_one_body
from .saying import ahead_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...mix import Mix
    from ..engine import Cancel, Hold
    from .request import Scales
    from .server_tokens import ServerTokens

#: Tokens that are read at once: a grammar of more is long.
_MOST = 1024


def reads_prompts(client: Client, tokens: ServerTokens, scales: Scales) -> bool:
    """Whether this server tells how likely each token of a prompt is, all at once, as TextGen's own build does.

    A stock server does not know the wish, and says nothing of it.
    """
    ids = tokens.encode("one two three", add_special_tokens=False)
    try:
        return len(ids) > 1 and len(_read_prompt(client, ids[:1], ids[1:], scales)) == len(ids) - 1
    except LlamaServerError:
        return False


def why_not_read(client: Client, tokens: ServerTokens, scales: Scales) -> str:
    """Why this server cannot be asked how likely a text is; empty if it can. It is asked to read two words."""
    try:
        ids = [id for id in tokens.encode("one two three", add_special_tokens=False) if not tokens.is_special(id)]
        found = list(_read(client, ids[:1], ids[1:], scales, lambda: False)) if len(ids) > 1 else []
    except LlamaServerError as error:
        return f"this llama-server does not tell how likely a given text is ({error}); a newer one does"
    return "" if found else "this llama-server does not tell how likely a given text is; a newer one does"


class ServerReader:
    """Judges texts after one prompt. Members as `engines.engine.Reader` tells them.

    Where the server tells how likely a prompt is (`at_once`) it is read whole; else the server is asked to say it.
    """

    def __init__(
        self,
        client: Client,
        tokens: ServerTokens,
        prompt: Sequence[int],
        context: int | None,
        scales: Callable[[Mix], Scales],
        cancelled: Cancel,
        held: Hold,
        at_once: bool = False,
    ) -> None:
        self._at_once = at_once
        self._client, self._tokens, self._scales = client, tokens, scales
        self._prompt, self._context = tuple(prompt), context
        self._cancelled, self._held = cancelled, held

    def judge(self, text: Sequence[int], mixes: Sequence[Mix], reference: Mix) -> list[Judgement]:
        """How each mix judges a text; how far it is from the reference this server does not tell."""
        if self._context is not None and len(self._prompt) + len(text) > self._context:
            raise ValueError(
                f"prompt and text have {len(self._prompt) + len(text):,} tokens, and the model's context holds "
                f"{self._context:,}: shorten them"
            )
        return [self._one(tuple(text), mix) for mix in mixes]

    def forget(self) -> None:
        """Nothing is remembered."""

    def _one(self, text: tuple[int, ...], mix: Mix) -> Judgement:
        logprobs: list[float] = []
        agreed = 0
        ahead = ahead_of(mix, len(text))
        with self._held([mix]):
            while len(logprobs) < len(text):
                at = len(logprobs)
                if self._at_once:
                    if self._cancelled():
                        raise Cancelled
                    part = text[at : at + (ahead(at) or len(text))]
                    told = _read_prompt(self._client, [*self._prompt, *text[:at]], part, self._scales(mix.at(at)))
                    logprobs += [logprob for logprob, _ in told]
                    agreed += sum(agrees for _, agrees in told)
                    continue
                part = self._part(text[at : at + min(_MOST, ahead(at) or _MOST)])
                prompt = [*self._prompt, *text[:at]]
                for logprob, agrees in _read(self._client, prompt, part, self._scales(mix.at(at)), self._cancelled):
                    logprobs.append(logprob)
                    agreed += agrees
                if len(logprobs) == at:
                    raise LlamaServerError(
                        f"the llama-server at {self._client.url} does not say token {text[at]} of a text"
                    )
        return Judgement(tuple(logprobs), math.nan, agreed / len(text))

    def _part(self, text: tuple[int, ...]) -> tuple[int, ...]:
        """The beginning of a text that can be read at once: a special token is read alone."""
        special = next((at for at, id in enumerate(text) if self._tokens.is_special(id)), None)
        return text if special is None else text[: special or 1]


def _read(
    client: Client, prompt: Sequence[int], text: Sequence[int], scales: Scales, cancelled: Cancel
) -> Iterator[tuple[float, bool]]:
    """The logarithm of each token's probability, and whether it is the likeliest; fewer where the server ends early."""
    if cancelled():
        raise Cancelled
    one = len(text) == 1
    body = reading_one_body(prompt, text[0], scales) if one else reading_body(prompt, text, scales)
    call = client.begin("/completion", body)
    at = 0
    try:
        for event in call.events():
            for told in event.get("completion_probabilities") or ():
                if at < len(text):
                    yield _told(told, text[at])
                    at += 1
            if cancelled():
                raise Cancelled
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise LlamaServerError(f"the llama-server at {client.url} tells no probabilities that can be read") from error
    finally:
        call.call_off()


def _read_prompt(
    client: Client, prompt: Sequence[int], text: Sequence[int], scales: Scales
) -> list[tuple[float, bool]]:
    """As `_read`, of a text that is part of the prompt. The server tells of all its tokens but the first."""
    answer = client.post("/completion", prompt_body([*prompt, *text], scales))
    try:
        told = answer["prompt_probabilities"]
        if len(told) != len(prompt) + len(text) - 1:
            raise ValueError("it tells of another number of tokens")
        return [_told(one, id) for one, id in zip(told[len(told) - len(text) :], text, strict=True)]
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise LlamaServerError(f"the llama-server at {client.url} tells no probabilities that can be read") from error


def _told(told: Any, id: int) -> tuple[float, bool]:
    if told["id"] != id:
        raise ValueError("it says another text")
    logprob = float(told["logprob"])
    if math.isnan(logprob):
        raise ValueError("that is no number")
    return min(logprob, 0.0), told["top_logprobs"][0]["id"] == id

"""Text into token ids and back, by asking the server."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress

from .client import Client, LlamaServerError

#: What is known of so many texts is remembered: a reply that grows asks for its tail again and again.
_REMEMBERED = 4096


class ServerTokens:
    """The tokenizer of a llama-server's model. Members as `engines.engine.Tokens` tells them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._texts: OrderedDict[tuple[int, ...], str] = OrderedDict()
        self._special: dict[int, bool] = {}

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        """The ids of a text; special tokens that are written out in it are those."""
        return self._encode(text, add_special_tokens, True)

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        """The text of these ids."""
        ids = tuple(int(id) for id in token_ids)
        if skip_special_tokens:
            ids = tuple(id for id in ids if not self.is_special(id))
        if not ids:
            return ""
        text = self._texts.get(ids)
        if text is None:
            told = self._client.post("/detokenize", {"tokens": ids})
            if not isinstance(told, dict) or not isinstance(told.get("content"), str):
                raise LlamaServerError(f"the llama-server at {self._client.url} does not turn tokens into text")
            text = self._texts[ids] = str(told["content"])
            with suppress(KeyError):  # another thread may have made room already
                while len(self._texts) > _REMEMBERED:
                    self._texts.popitem(last=False)
        return text

    def _encode(self, text: str, add_special: bool, parse_special: bool) -> list[int]:
        body = {"content": text, "add_special": add_special, "parse_special": parse_special}
        told = self._client.post("/tokenize", body)
        ids = told.get("tokens") if isinstance(told, dict) else None
        if not isinstance(ids, list) or not all(isinstance(id, int) for id in ids):
            raise LlamaServerError(f"the llama-server at {self._client.url} does not turn text into tokens")
        return ids

    def is_special(self, id: int) -> bool:
        """Whether a token stands for itself only where special tokens are read in a text."""
        if id not in self._special:
            text = self.decode([id])
            # No special token is made of letters and blanks alone; most others are.
            odd = not all(letter.isalnum() or letter.isspace() for letter in text)
            written = self._encode(text, False, True) if odd else []
            self._special[id] = written == [id] and self._encode(text, False, False) != [id]
        return self._special[id]

"""A text, and what a model says about each next token of it."""

from __future__ import annotations

from typing import Any

import torch


class Text:
    """A text, and how a model reads it.

    Args:
        model: what reads.
        input_ids: the text, shape (1, tokens), on the model's device.
        decoder_input_ids: what the decoder of an encoder-decoder model reads, shape (1, tokens); `input_ids`, shifted
            as in training, if not given.
    """

    def __init__(self, model: Any, input_ids: torch.Tensor, decoder_input_ids: torch.Tensor | None) -> None:
        self._model = model
        self._inputs = {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}
        if getattr(model.config, "is_encoder_decoder", False):
            if decoder_input_ids is None:
                decoder_input_ids = model.prepare_decoder_input_ids_from_labels(labels=input_ids)
            self._inputs["decoder_input_ids"] = decoder_input_ids
        self.device = input_ids.device
        self.tokens: int = self._inputs.get("decoder_input_ids", input_ids).shape[1]

    def read(self, rows: int = 1) -> torch.Tensor:
        """What the model says about each next token, shape (rows, tokens, vocabulary); a classifier of texts says what
        the whole one is, shape (rows, 1, labels)."""
        inputs = {name: value.expand(rows, -1) for name, value in self._inputs.items()}
        logits: torch.Tensor | None = getattr(self._model(**inputs, use_cache=False), "logits", None)
        if logits is None:
            raise ValueError("this model gives no logits: it has no head that says which token comes next")
        if logits.ndim == 2:
            logits = logits[:, None]
        if logits.shape[-1] == 1:
            raise ValueError("this model gives one number (num_labels is 1), of which there is no distribution")
        return logits[:, -self.tokens :]  # an adapter on the prompt puts tokens of its own before the text

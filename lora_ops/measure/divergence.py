"""How far the distributions over the next token are from those of a reference: the Kullback-Leibler divergence."""

from __future__ import annotations

import torch

#: So many numbers are looked at together: what a processor's cache holds, or what keeps a GPU busy.
_AT_ONCE, _AT_ONCE_ON_GPU = 200_000, 2**26


class Reference:
    """The next-token distributions P of one text, to which others are compared.

    Args:
        logits: shape (tokens, vocabulary).

    Raises:
        ValueError: the logits are no numbers.
    """

    def __init__(self, logits: torch.Tensor) -> None:
        self._logits = logits.float()
        self._shares = self._logits.softmax(-1)
        #: How many words the vocabulary has.
        self.words = logits.shape[-1]
        if not torch.isfinite(self._shares).all():
            raise ValueError("the model's logits are no finite numbers under this mix")

    def divergences(self, logits: torch.Tensor) -> list[float]:
        """KL(P || Q), mean over the tokens, in nats, for each row.

        With x = logits(Q) - logits(P), less its mean under P, KL(P || Q) = log sum(P exp(x)). The difference of the
        logits is what is small when little changes: rounding errors come in with their square, while those of a
        difference of two log_softmax would be as large as the divergences of quiet targets.

        Args:
            logits: of Q, shape (rows, tokens, vocabulary); in any precision, worked on in float32.
        """
        tokens, words = self._logits.shape
        at_once = _AT_ONCE if logits.device.type == "cpu" else _AT_ONCE_ON_GPU
        step = max(1, at_once // (4 * words))  # tokens, of some rows: the reference stays in the cache for them
        group = max(1, at_once // (step * words))
        found = torch.empty(logits.shape[:2], device=logits.device)
        for at in range(0, tokens, step):
            part = slice(at, at + step)
            for rows, into in zip(logits[:, part].split(group), found[:, part].split(group), strict=True):
                into[:] = _divergence(self._logits[part], self._shares[part], rows)
        for at in (~torch.isfinite(found)).nonzero().tolist():
            row, token = at
            found[row, token] = _plainly(self._logits[token], logits[row, token].float())
        values: list[float] = found.mean(-1, dtype=torch.float64).tolist()
        return values


def _divergence(reference: torch.Tensor, shares: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Of each row at each token, shape (rows, tokens); not finite where numbers overflow."""
    x = logits - reference
    x -= _mean(shares, x)[..., None]
    x.exp_().sub_(1)
    return _mean(shares, x).clamp_(min=0).log1p_()


def _mean(shares: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The mean of x over the vocabulary as each token's shares weigh it, shape (rows, tokens)."""
    return torch.mv(x[:, 0], shares[0])[:, None] if len(shares) == 1 else torch.linalg.vecdot(shares, x)


def _plainly(reference: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """By the definition: for distributions so far apart, or words so impossible, that the exponential overflows."""
    wanted, given = reference.log_softmax(-1), logits.log_softmax(-1)
    shares = wanted.exp()
    return torch.where(shares > 0, shares * (wanted - given), torch.zeros_like(shares)).sum(-1)

"""What is told of something that was written: what was done to what, in words, for its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..mix import Mix
from ..shelf.adapter_weights import AdapterWeights
from .written import Baked, Compared, Merged

_DONE = {
    "folded": "A mix of LoRA Mixer, folded into the weights: it plays as it is what the mix played.",
    "patterned": "A mix of LoRA Mixer, written into alpha: the weights are those of the source.",
    "concatenated": "Several adapters in one, exactly: their matrices side by side, each scaled by its gain.",
    "resized": "A mix of LoRA Mixer at a smaller rank: the strongest components of what each target adds.",
}


@dataclass(frozen=True)
class Story:
    """What a card tells.

    Attributes:
        name: of the result.
        what: what was done, in one sentence.
        sources: the adapters that it was made of.
        mix: where their faders stood.
        facts: rows of the table, in words: rank, targets, difference …
        base_model: what it belongs to, if known.
        library: "peft" for an adapter, "transformers" for a whole model.
    """

    name: str
    what: str
    sources: Sequence[AdapterWeights]
    mix: Mix
    facts: Mapping[str, str]
    base_model: str = ""
    library: str = "peft"


def of_adapter(baked: Baked, sources: Sequence[AdapterWeights], mix: Mix, base_model: str) -> Story:
    """The story of a new adapter."""
    what = _DONE.get(baked.way, f"Several adapters in one, scaled target by target, by PEFT's `{baked.way}`.")
    facts = {
        "way": baked.way,
        "rank": str(baked.rank),
        "targets": f"{baked.targets}{baked.silence}",
        **_difference(baked, "stock PEFT"),
    }
    if baked.kept is not None:
        facts["kept"] = f"{baked.kept:.2%} of the squared norm of the exact sum"
    for runtime, reasons in baked.objections.items():
        facts[f"in {runtime}"] = "; ".join(reasons) or "nothing in the way"
    return Story(baked.folder.name, what, sources, mix, facts, base_model)


def of_model(merged: Merged, sources: Sequence[AdapterWeights], mix: Mix, base_model: str) -> Story:
    """The story of a whole model."""
    facts = {
        "adapters": ", ".join(merged.names),
        "changed modules": str(merged.targets),
        **_difference(merged, "stock transformers"),
    }
    if merged.opened:
        facts["base"] = "it was in 4 or 8 bits, and was opened to full numbers: what was lost in packing is lost"
    what = "A mix of LoRA Mixer, merged into the base model: it needs neither PEFT nor an adapter."
    return Story(merged.folder.name, what, sources, mix, facts, base_model, library="transformers")


def _difference(compared: Compared, reader: str) -> dict[str, str]:
    if compared.greatest_difference is None:
        return {}
    told = f"{compared.greatest_difference:.2g} in logits of up to {compared.greatest_logit:.3g}, read by {reader}"
    return {"greatest difference to the mix": told}

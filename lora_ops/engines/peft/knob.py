"""How a gain is written into one target: the only code that touches `scaling`, or what else a method needs.

A knob belongs to one adapter in one PEFT layer. It remembers what it found there, and can always put it back. It is
kept with the layer: whoever looks at that later, through whichever model object, finds what was loaded.
To add an adapter method, write its knob here and name it in `survey.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from peft.tuners.tuners_utils import BaseTunerLayer

#: Where a layer keeps its knobs, by adapter.
_HERE = "_lora_mixer_knobs"


class Knob:
    """Scales the output of plain LoRA, LoHa, LoKr: whatever multiplies by `layer.scaling[adapter]`.

    Args:
        layer: the PEFT layer.
        adapter: the name of the adapter in it.
        weight: a weight of the adapter in this layer: tells device and dtype of the output, and which loading it was.
        why_no_rows: why a tensor in the place of the number cannot give each row its own gain; empty if it can.
    """

    __slots__ = ("_b", "_b_loaded", "_scalings", "adapter", "layer", "loaded", "weight", "why_no_rows", "written")

    def __init__(self, layer: BaseTunerLayer, adapter: str, weight: torch.Tensor, why_no_rows: str = "") -> None:
        self.layer = layer
        self.adapter = adapter
        self.weight = weight
        self.why_no_rows = why_no_rows
        self._scalings: dict[str, Any] = layer.scaling
        #: The scaling as loaded: the very object, read once.
        self.loaded = self._scalings[adapter]
        #: What this knob wrote last.
        self.written = self.loaded
        #: B as loaded, while something else stands in its place, and the version at which that was put there.
        self._b: Any = None
        self._b_loaded: tuple[torch.Tensor, int] | None = None

    def set(self, gain: float) -> None:
        """Writes one gain for whatever comes next; 1 puts the very object back that was there as loaded."""
        scaling = self.loaded if gain == 1 else self.loaded * gain
        scalings, adapter = self._scalings, self.adapter
        # Another thread may load another adapter into this place: no call stands between the look and the write, so
        # that it cannot be that thread's turn in between. (Spelt out here: it is done for hundreds at each move.)
        try:
            if scalings[adapter] is self.written:
                scalings[adapter] = self.written = scaling
                return
        except KeyError:
            return  # the adapter is gone
        self._replace(scaling)

    def set_rows(self, scalings: torch.Tensor) -> None:
        """Writes one scaling per row of the batch, shape (rows, 1, 1), on the device and in the dtype of `weight`."""
        self._replace(scalings)

    def _replace(self, scaling: Any) -> None:
        """Writes over whatever stands there, if it is of the adapter that the knob was made for."""
        scalings, adapter = self._scalings, self.adapter
        if adapter not in scalings:
            return
        if scalings[adapter] is self.written or any(weight is self.weight for weight in self.layer.parameters()):
            scalings[adapter] = self.written = scaling

    def matrices(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        """A and B of LoRA, as loaded, whatever is heard of them; None for other methods."""
        found = self.weights()
        return None if found is None else (found[0], self.as_loaded(found[1]))

    def as_loaded(self, weight: torch.Tensor) -> torch.Tensor:
        """What was loaded in the place of this weight: itself, unless it is B of which a part is heard."""
        return self._b_loaded[0].to(weight) if self._b_loaded is not None and self._replaced(weight) else weight

    def replaced(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        """B of which a part is heard, as it stands in the layer and as it was loaded; None where all is heard."""
        return (self._b, self.as_loaded(self._b)) if self._b is not None and self._replaced(self._b) else None

    def put_b(self, weight: torch.Tensor, b: torch.Tensor) -> None:
        """Has this stand in the place of B, which is `weight` in the layer; it has as many numbers."""
        if not self._replaced(weight):
            self._b, self._b_loaded = weight, (weight.data, weight._version)
        weight.data = b.reshape(weight.shape).to(weight)

    def restore_b(self) -> None:
        """Puts the very tensor back that was loaded; other weights that somebody has loaded there since stay."""
        if self._b_loaded is not None:
            if self._replaced(self._b):
                self._b.data = self._b_loaded[0].to(self._b)  # the very tensor, unless the model was moved since
            self._b = self._b_loaded = None

    def _replaced(self, weight: torch.Tensor) -> bool:
        """Whether what stands in this weight is what `put_b` put there."""
        return self._b_loaded is not None and weight is self._b and weight._version == self._b_loaded[1]

    def weights(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        """A and B of LoRA as they stand in the layer; None for other methods."""
        layer: Any = self.layer
        for a, b in (("lora_A", "lora_B"), ("lora_embedding_A", "lora_embedding_B")):
            if self.adapter in getattr(layer, a, ()) and self.adapter in getattr(layer, b, ()):
                pair = (getattr(layer, one)[self.adapter] for one in (a, b))
                found = [one if isinstance(one, torch.Tensor) else one.weight for one in pair]
                return found[0], found[1]
        return None

    def now(self) -> Any:
        """What stands in the layer right now."""
        return self._scalings[self.adapter]


class DoraKnob(Knob):
    """Scales DoRA (arXiv:2402.09353): the magnitude moves with the gain, from the base weight's norm to the trained.

    With scaling at 0 alone the trained magnitude would still act on the base weight. With
    m(gain) = norm(W) + gain x (m - norm(W)), gain 0 is the base model exactly and gain 1 is the adapter as loaded.
    The norm of W is worked out at the first move, by PEFT's own function, so that the two cancel to the bit. Where a
    row of W is all zeros there is nothing to cancel: PEFT divides 0 by 0. There gain 0 is plain LoRA at scaling 0.
    """

    __slots__ = ("_gain", "_magnitude", "_norm", "_set_aside", "_vector", "_version")

    def __init__(self, layer: BaseTunerLayer, adapter: str, weight: torch.Tensor) -> None:
        super().__init__(layer, adapter, weight, "DoRA rescales the base weight's columns for the whole batch at once")
        self._vector = layer.lora_magnitude_vector[adapter]
        self._magnitude: torch.Tensor = self._vector.weight.data
        self._version: int = self._vector.weight._version
        self._norm: torch.Tensor | None = None
        self._gain = 1.0
        #: What makes the layer one of DoRA, while it is plain.
        self._set_aside: Any = None

    def set(self, gain: float) -> None:
        self._notice()
        weight = self._vector.weight
        if gain != self._gain or self._set_aside is not None:
            weight.data, self._gain = self._magnitude_at(gain), gain
            self._plain(gain == 0 and not weight.data.all())
        super().set(gain)
        if clear := getattr(self._vector, "_cache_clear", None):
            clear()

    def _plain(self, plain: bool) -> None:
        """Has PEFT take this layer for one of plain LoRA, or of DoRA again."""
        variants = self.layer.lora_variant
        if plain and self._set_aside is None:
            self._set_aside = variants.pop(self.adapter, None)
        elif not plain and self._set_aside is not None:
            if self.adapter in self._scalings:  # and where it was loaded anew, PEFT has made another
                variants.setdefault(self.adapter, self._set_aside)
            self._set_aside = None

    def magnitude(self, gain: float) -> torch.Tensor:
        """The magnitude that stands for this gain, wherever the knob is now; nothing is moved."""
        self._notice()
        return self._magnitude_at(gain)

    def _notice(self) -> None:
        weight = self._vector.weight
        if weight._version != self._version:
            # Somebody loaded another magnitude into the place of the one that stood there.
            self._magnitude, self._version, self._gain = weight.data, weight._version, 1.0

    @torch.no_grad()
    def _magnitude_at(self, gain: float) -> torch.Tensor:
        # The model may have been moved to another device since; where it was not, `to` gives the very same tensor.
        magnitude = self._magnitude = self._magnitude.to(self._vector.weight)
        if gain == 1:
            return magnitude
        norm = self._norm
        if norm is None or (norm.device, norm.dtype) != (magnitude.device, magnitude.dtype):
            norm = self._norm = self._base_norm().to(magnitude)
        return norm.clone() if gain == 0 else norm + gain * (magnitude - norm)

    def _base_norm(self) -> torch.Tensor:
        from peft.utils.integrations import dequantize_module_weight

        weight = dequantize_module_weight(self.layer.get_base_layer())
        return self._vector.get_weight_norm(weight.to(self.weight), lora_weight=0.0, scaling=0.0)


class _Kept(dict[str, Knob]):
    """The knobs of one layer. A copy of a model, or one that is saved whole and loaded again, comes without them."""

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, ()


def remembered(knob: Knob) -> Knob:
    """The knob that was met earlier in the same place; this one, if the adapter was loaded since."""
    known = _kept(knob)
    if known is None or known.weight is knob.weight:
        return known or knob
    if known.now() is known.written:
        # Only the weights were replaced: what stands in the layer is what the desk wrote, not what was loaded.
        knob.loaded = known.loaded
    return knob


def is_fresh(knob: Knob) -> bool:
    """Whether the adapter was loaded since its layer was last looked at; asked before `remember`."""
    known = _kept(knob)
    return known is None or known.loaded is not knob.loaded


def remember(knobs: Iterable[Knob], before: Iterable[Knob] = ()) -> None:
    """Keeps these knobs with their layers, and those of before no more."""
    for knob in before:
        if _kept(knob) is knob:
            del vars(knob.layer)[_HERE][knob.adapter]
    for knob in knobs:
        kept = vars(knob.layer).get(_HERE)
        if not isinstance(kept, _Kept):
            kept = vars(knob.layer)[_HERE] = _Kept()
        kept[knob.adapter] = knob


def _kept(knob: Knob) -> Knob | None:
    found: Knob | None = vars(knob.layer).get(_HERE, {}).get(knob.adapter)
    return found


def turn(knobs: Sequence[Knob], gains: Sequence[float]) -> None:
    """Writes one gain into each knob."""
    for knob, gain in zip(knobs, gains, strict=True):
        knob.set(gain)


def turn_rows(knobs: Sequence[Knob], gains: Sequence[Sequence[float]]) -> None:
    """Writes one gain per row into each knob: `gains[row][knob]`. Knobs whose rows agree keep a plain number.

    The tensors of one device and dtype are cut from one, so that a model on a GPU costs one copy and not hundreds.
    """
    groups: dict[tuple[torch.device, torch.dtype], list[tuple[Knob, list[Any]]]] = {}
    for knob, row_gains in zip(knobs, zip(*gains, strict=True), strict=True):
        if len(set(row_gains)) == 1:
            knob.set(row_gains[0])
            continue
        scalings = [knob.loaded if gain == 1 else knob.loaded * gain for gain in row_gains]
        groups.setdefault((knob.weight.device, knob.weight.dtype), []).append((knob, scalings))
    for (device, dtype), members in groups.items():
        table = torch.tensor([scalings for _, scalings in members], device=device, dtype=dtype)
        for (knob, _), scalings_row in zip(members, table.unbind(), strict=True):
            knob.set_rows(scalings_row.view(-1, 1, 1))


def turn_tensor(knobs: Sequence[Knob], gains: torch.Tensor) -> None:
    """Writes gains that are worked out by torch, and may ask for a gradient, into the knobs of plain LoRA.

    Args:
        gains: shape (knobs,), one for all rows; or (rows, knobs).
    """
    groups: dict[tuple[torch.device, torch.dtype], list[int]] = {}
    for at, knob in enumerate(knobs):
        groups.setdefault((knob.weight.device, knob.weight.dtype), []).append(at)
    for (device, dtype), places in groups.items():
        # A number that stands for all rows is as good as a Python float: torch then multiplies in the wider dtype.
        kept = gains.dtype if gains.ndim == 1 else dtype
        loaded = torch.tensor([float(knobs[at].loaded) for at in places], dtype=gains.dtype, device=gains.device)
        own = gains if len(places) == len(knobs) else gains[..., torch.tensor(places, device=gains.device)]
        for at, scaling in zip(places, (own * loaded).to(device, kept).unbind(-1), strict=True):
            knobs[at].set_rows(scaling if gains.ndim == 1 else scaling.view(-1, 1, 1))


def put_back(knobs: Sequence[Knob], scalings: Sequence[Any]) -> None:
    """Writes what stood there before, the very objects that `Knob.now` gave."""
    for knob, scaling in zip(knobs, scalings, strict=True):
        knob._replace(scaling)

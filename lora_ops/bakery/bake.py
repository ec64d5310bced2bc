"""A mix written into a new adapter folder, which needs no desk any more."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from ..files import folder_aside, safe_name, write_aside
from ..mix import Mix
from ..shelf.adapter_weights import CARD, CONFIG, WEIGHTS, AdapterWeights, loaded_weights
from .fold import Draft, fold, pattern, with_dtype
from .model_card import Story, model_card, versions
from .runtimes import objections
from .verify import Checker, checked

if TYPE_CHECKING:
    from ..desk import Desk

Way = Literal["folded", "patterned"]
WAYS: tuple[Way, ...] = ("folded", "patterned")
#: What a training may have put beside the adapter and a chat needs: kept.
_COMPANIONS = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
)


@dataclass(frozen=True)
class Baked:
    """An adapter that was written.

    Attributes:
        folder: where it is.
        way: "folded", "patterned", "concatenated", or the name of PEFT's combination.
        rank: the largest of its targets.
        targets: how many it has.
        silent: how many were at gain 0.
        dropped: whether those were left out, and are not among `targets`.
        parameters: how many numbers it holds.
        size: of its weights on disk, in bytes.
        sha256: of its adapter_model.safetensors.
        greatest_difference: between its logits and the desk's; None if that was not compared.
        greatest_logit: the greatest of those logits, whatever its sign; None if that was not compared.
        why_unchecked: why not; empty if it was.
        objections: what other runtimes would refuse or get wrong, by runtime; empty lists where nothing is in the way.
        kept: the share of the exact sum's energy (squared norm) that is in it; None where it is all of it by design, or
            cannot be told.
    """

    folder: Path
    way: str
    rank: int
    targets: int
    silent: int
    parameters: int
    size: int
    sha256: str
    greatest_difference: float | None
    greatest_logit: float | None = None
    why_unchecked: str = ""
    objections: Mapping[str, Sequence[str]] = field(default_factory=dict)
    kept: float | None = None
    dropped: bool = False

    @property
    def silence(self) -> str:
        """What became of silent targets, for people: ", of which 4 were silent"; empty where there were none."""
        if not self.silent:
            return ""
        return f", without {self.silent} silent ones" if self.dropped else f", of which {self.silent} were silent"

    @property
    def relative_difference(self) -> float | None:
        """The greatest difference beside the greatest logit: float32 rounds at some 1e-6, whatever is compared."""
        if self.greatest_difference is None:
            return None
        return self.greatest_difference / (self.greatest_logit or 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON."""
        lists = {runtime: list(reasons) for runtime, reasons in self.objections.items()}
        own = {"folder": str(self.folder), "objections": lists, "relative_difference": self.relative_difference}
        return {**self.__dict__, **own}


def bake(
    desk: Desk,
    mix: Mix,
    adapter: str,
    folder: Path,
    name: str,
    way: Way = "folded",
    *,
    overwrite: bool = False,
    source: Path | None = None,
    uniform: bool = True,
    drop_silent: bool = False,
    dtype: torch.dtype | None = None,
    check: bool = True,
    input_ids: torch.Tensor | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Baked:
    """Writes one loaded adapter, at its gains in `mix`, into the new adapter folder `folder / name`.

    The live model is as it was afterwards. Nothing is left behind if anything fails.

    >>> bake(desk, desk.mix, "pirate", shelf_folder, "pirate-softer")

    Args:
        desk: the desk.
        mix: the gains; those of other adapters do not matter.
        adapter: which of the loaded ones.
        folder: where adapters are kept.
        name: of the new one.
        way: "folded": the gains go into the weights, alpha = r: what every runtime reads; of an adapter that changes
            the base model when it is loaded, rank and alpha stay. "patterned": the weights stay as they are, and alpha
            and `alpha_pattern` hold the gains: what PEFT reads.
        overwrite: whether an adapter of that name may be replaced.
        source: the folder that the adapter was loaded from: its card, metadata, hash and tokenizer are kept.
        uniform: folded: pad smaller ranks with zeros to the largest.
        drop_silent: folded: leave targets at gain 0 out, instead of writing zeros.
        dtype: of the weights; as they are loaded if not given.
        check: whether stock PEFT reads it once and logits are compared; the lock is held meanwhile.
        input_ids: the text to compare on, shape (rows, tokens).
        cancelled: asked while waiting for the lock.

    Raises:
        ValueError: the mix or the name does not fit, the adapter cannot be written (merged, DoRA's magnitudes …).
        FileExistsError: there is something of that name already.
        OSError: it cannot be written; a full disk is named.
        Cancelled: the wait was called off.
    """
    desk.check(mix)
    refuse_fades(mix, [adapter])
    weights = loaded_weights(desk, adapter, source)
    draft = draft_of(weights, mix, way, uniform=uniform, drop_silent=drop_silent)
    checker = Checker(desk, mix, [adapter], input_ids, cancelled) if check else None
    return publish([weights], mix, draft, way, folder, name, overwrite=overwrite, dtype=dtype, checker=checker)


def bake_weights(
    weights: AdapterWeights,
    mix: Mix,
    folder: Path,
    name: str,
    way: Way = "folded",
    *,
    overwrite: bool = False,
    uniform: bool = True,
    drop_silent: bool = False,
    dtype: torch.dtype | None = None,
) -> Baked:
    """`bake` from an adapter's folder alone (`read_weights`): no base model is needed, and nothing is compared.

    Raises:
        ValueError: as `bake`; also DoRA at a gain other than 1, which needs the base model, or a gain for a kind, layer
            or target that the adapter does not have.
    """
    check_mix(mix, [weights])
    draft = draft_of(weights, mix, way, uniform=uniform, drop_silent=drop_silent)
    return publish([weights], mix, draft, way, folder, name, overwrite=overwrite, dtype=dtype)


def draft_of(weights: AdapterWeights, mix: Mix, way: Way, *, uniform: bool, drop_silent: bool) -> Draft:
    """The new adapter before it is written."""
    if way == "folded":
        return fold(weights, mix.gain, uniform=uniform, drop_silent=drop_silent)
    if way == "patterned":
        return pattern(weights, mix.gain)
    raise ValueError(f"there is no way {way!r} to bake: choose {' or '.join(WAYS)}")


def check_mix(mix: Mix, sources: Sequence[AdapterWeights]) -> None:
    """Refuses a mix that names what these adapters do not have, as a desk does.

    Raises:
        ValueError: naming the first such thing, and what there is instead.
    """
    from ..mix_check import check_mix as check
    from ..target import Adapter

    adapters = {w.name: Adapter(w.name, w.method, w.targets, 0, 0.0) for w in sources}
    check(mix, adapters)
    refuse_fades(mix, list(adapters))


def refuse_fades(mix: Mix, names: Sequence[str]) -> None:
    """An adapter on disk has one gain for each target, whatever token is worked out.

    Raises:
        ValueError: a fader of one of these adapters moves over a reply.
    """
    for name in names:
        if mix[name].on and (fades := mix[name].fades):
            raise ValueError(
                f"the fader {next(iter(fades))!r} of {name!r} fades over a reply, and an adapter on disk cannot: "
                "choose one token's gains (`Mix.at`)"
            )


def publish(
    sources: Sequence[AdapterWeights],
    mix: Mix,
    draft: Draft,
    way: str,
    folder: Path,
    name: str,
    *,
    overwrite: bool = False,
    dtype: torch.dtype | None = None,
    checker: Checker | None = None,
    kept: float | None = None,
) -> Baked:
    """Writes a draft aside, has it read and compared, writes its card, and only then gives it its name.

    Raises:
        As `bake`.
    """
    draft = draft if dtype is None else with_dtype(draft, dtype)
    target = new_folder(folder, name, overwrite)
    with folder_aside(target, overwrite) as aside, disk_full(target):
        tensors = _storable(draft.tensors)
        _save(tensors, aside / WEIGHTS, _metadata(sources, mix, way))
        config = {**draft.config, "inference_mode": True}
        write_aside(aside / CONFIG, json.dumps(config, indent=2, sort_keys=True) + "\n")
        difference, why_unchecked = checked(checker, aside)
        shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
        baked = Baked(
            folder=target,
            way=way,
            rank=draft.rank,
            targets=draft.targets,
            silent=draft.silent,
            parameters=sum(tensor.numel() for tensor in tensors.values()),
            size=(aside / WEIGHTS).stat().st_size,
            sha256=sha256_of(aside / WEIGHTS),
            greatest_difference=None if difference is None else difference.greatest,
            greatest_logit=None if difference is None else difference.logit,
            why_unchecked=why_unchecked,
            objections=objections(draft.config, shapes),
            kept=kept,
            dropped=draft.dropped,
        )
        _keep_companions(sources, aside)
        write_aside(aside / CARD, model_card(_story(baked, sources, mix, draft)))
    return baked


def new_folder(folder: Path, name: str, overwrite: bool) -> Path:
    """Where something of that name goes, if it can go there.

    Raises:
        ValueError: the name leaves the folder, or what stands there is no adapter, or holds more than one.
        FileExistsError: something stands there, and it is not to be overwritten.
    """
    target = Path(folder) / safe_name(name)
    if target.is_symlink():
        raise ValueError(f"{target} is a link to somewhere else: choose another name")
    if target.exists():
        if not overwrite:
            raise FileExistsError(f"{target} exists already: choose another name, or allow it to be overwritten")
        if not target.is_dir() or not any((target / file).is_file() for file in (CONFIG, "config.json")):
            raise ValueError(f"{target} is no adapter and no model: it is not overwritten")
        if inner := next((one for one in target.iterdir() if one.is_dir()), None):
            raise ValueError(f"{target} holds other things too ({inner.name}): it is not overwritten")
    return target


@contextmanager
def disk_full(target: Path) -> Iterator[None]:
    """Makes an OSError of what safetensors says when it cannot write."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        full = any(sign in str(error) for sign in ("No space left", "os error 28", "Disk quota", "os error 122"))
        number = errno.ENOSPC if full else errno.EIO
        raise OSError(number, "the disk is full" if full else str(error), str(target)) from error


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _storable(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What safetensors takes: on the CPU, contiguous, and no two in one storage."""
    seen: set[int] = set()
    found = {}
    for key, tensor in tensors.items():
        stored = tensor.detach().to("cpu").contiguous()
        storage = stored.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != stored.numel() * stored.element_size():
            stored = stored.clone()
        seen.add(stored.untyped_storage().data_ptr())
        found[key] = stored
    return found


def _save(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str]) -> None:
    from safetensors.torch import save_file

    save_file(tensors, str(path), metadata=metadata)


def _metadata(sources: Sequence[AdapterWeights], mix: Mix, way: str) -> dict[str, str]:
    """The sources' own metadata, and what was done, as one entry that a program can read."""
    merged: dict[str, str] = {}
    for weights in sources:
        merged = {**weights.metadata, **merged}
    names = {weights.name for weights in sources}
    done = {
        "way": way,
        "mix": Mix({name: faders for name, faders in mix.adapters.items() if name in names}).to_dict(),
        "sources": [{"name": weights.name, "sha256": weights.sha256} for weights in sources],
        "versions": versions(),
    }
    return {**merged, "format": "pt", "lora_mixer": json.dumps(done, sort_keys=True)}


def _keep_companions(sources: Sequence[AdapterWeights], aside: Path) -> None:
    """Copies the tokenizer that lies beside the first source; links are passed over."""
    folder = sources[0].source
    for name in _COMPANIONS if folder is not None else ():
        path = Path(folder) / name  # type: ignore[arg-type]
        if path.is_file() and not path.is_symlink():
            shutil.copyfile(path, aside / name)


_DONE = {
    "folded": "A mix of LoRA Mixer, folded into the weights: it plays as it is what the mix played.",
    "patterned": "A mix of LoRA Mixer, written into alpha: the weights are those of the source.",
    "concatenated": "Several adapters in one, exactly: their matrices side by side, each scaled by its gain.",
    "resized": "A mix of LoRA Mixer at a smaller rank: the strongest components of what each target adds.",
}


def _story(baked: Baked, sources: Sequence[AdapterWeights], mix: Mix, draft: Draft) -> Story:
    what = _DONE.get(baked.way, f"Several adapters in one, scaled target by target, by PEFT's `{baked.way}`.")
    facts = {
        "way": baked.way,
        "rank": str(baked.rank),
        "targets": f"{baked.targets}{baked.silence}",
    }
    if baked.greatest_difference is not None:
        facts["greatest difference to the mix"] = (
            f"{baked.greatest_difference:.2g} in logits of up to {baked.greatest_logit:.3g}, read by stock PEFT"
        )
    if baked.kept is not None:
        facts["kept"] = f"{baked.kept:.2%} of the squared norm of the exact sum"
    for runtime, reasons in baked.objections.items():
        facts[f"in {runtime}"] = "; ".join(reasons) or "nothing in the way"
    return Story(
        name=baked.folder.name,
        what=what,
        sources=sources,
        mix=mix,
        facts=facts,
        base_model=str(draft.config.get("base_model_name_or_path") or ""),
    )

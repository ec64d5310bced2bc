"""TextGen's loaders of torch models: a PEFT model in this process, and adapters in its layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...lora_ops.imported import imported
from ...lora_ops.torch_errors import in_words
from ..adapter_loading import OnLoaded, Tell
from ..protocol import HostError, Trouble
from . import adapters
from .adapters import MERGED
from .chat import Turn, host_module
from .generation_calls import adapters_in, finish_streams, recorded_call, seeded_random, watched_generate
from .loader import NoFiles, load_advice, name_of

if TYPE_CHECKING:
    from ...lora_ops.engines.engine import Engine
    from ...lora_ops.engines.sampling import Sampling

#: Where the host's own menu is: folded away, and not there at all with another loader.
_MENU = (
    "choose a LoRA in the Model tab under “See more options” (shown for the Transformers loader) and press Apply LoRAs"
)


class Transformers(NoFiles):
    """A torch model of the host's. Members as `loader.Loader` tells them."""

    def __init__(self, model: Any, multi_user: bool) -> None:
        self.model: Any | None = model
        self._multi_user = multi_user

    @property
    def engine(self) -> Engine | None:
        """None where it cannot have adapters yet: a page imports nothing that the host may be importing."""
        if imported("peft") is None or self.model is None:
            return None
        from ...lora_ops.engines.peft.engine import PeftEngine

        return PeftEngine.of(self.model, host_module("shared").tokenizer)

    def trouble(self) -> Trouble | None:
        if adapters_in(self.model):
            return None
        loader = name_of(self.model)
        if loader != "Transformers":
            advice = f"It does not load LoRAs. {load_advice(self._multi_user)}"
            return Trouble(f"{loader} cannot mix adapters", advice)
        if self._multi_user:
            return Trouble("No adapter is loaded", "In multi-user mode, start TextGen with --lora NAME.")
        advice = f"Load one on the Adapters tab, or {_MENU}."
        return Trouble(
            "No adapter is loaded", f"{advice} LoRAs are looked for in {host_module('shared').args.lora_dir}."
        )

    def loaded(self) -> dict[str, Path | None]:
        return adapters.loaded(self.model)

    def merged_sources(self) -> list[str]:
        """For several LoRAs the host makes and plays `__merged`, which may hold the first of them only, or plays the
        first alone if their ranks differ. Either way the sources are in the model, and a desk can play them all."""
        names = set() if adapters.chosen_here(self.model) else set(adapters_in(self.model))
        sources = [name for name in getattr(self.model, "peft_config", None) or {} if name in names - {MERGED}]
        return sources if len(sources) > 1 or MERGED in names else []

    def load(
        self, names: Sequence[str | Path], keep: bool, on_loaded: OnLoaded | None, tell: Tell
    ) -> Mapping[str, str]:
        adapters.check_loader(self.model)
        return adapters.load(self.model, names, keep, on_loaded)

    def unload(self, names: Sequence[str] | None) -> None:
        adapters.check_loader(self.model)
        adapters.unload(self.model, names)

    def call(self, turn: Turn, seed: int) -> tuple[tuple[int, ...], Sampling]:
        return recorded_call(self.model, turn, seed)

    @contextmanager
    def answering(self, seed: int) -> Iterator[None]:
        """Left only when the host's thread has left the model: it runs on for a token after the last text, and what it
        draws then would shift the dice of the next reply."""
        with seeded_random(seed), watched_generate(self.model) as run:
            try:
                yield
            finally:
                finish_streams()
        if run.error is not None and not isinstance(run.error, host_module("callbacks").StopNowException):
            raise HostError(f"TextGen could not generate: {in_words(run.error)}") from run.error

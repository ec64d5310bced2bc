"""Which modules of a model an adapter's configuration asks for, by PEFT's rule and in bounded time.

The rule is `check_target_module_exists` of `peft.tuners.tuners_utils`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from .patterns import Patience, PatternError, whole_matches

#: What target_modules says for all linear layers but the head, and for none at all.
ALL_LINEAR, NONE = "all-linear", "dummy-target-modules"

Names = frozenset[str] | str | None


@dataclass(frozen=True)
class Asked:
    """What a configuration says of its modules; equal for adapters that ask for the same.

    Attributes:
        modules: target_modules: endings of names, or one pattern for whole names; None leaves it to PEFT.
        exclude: exclude_modules, likewise.
        parameters: target_parameters.
        saved: modules_to_save.
        layers: layers_to_transform.
        blocks: layers_pattern.
    """

    modules: Names
    exclude: Names
    parameters: tuple[str, ...]
    saved: tuple[str, ...]
    layers: tuple[int, ...]
    blocks: tuple[str, ...]

    @classmethod
    def by(cls, config: Mapping[str, Any]) -> Asked:
        """What the fields of an adapter_config.json, or of a config of PEFT's, ask for."""

        def names(field: str) -> Names:
            value = config.get(field)
            return value if value is None or isinstance(value, str) else frozenset(value)

        def listed(field: str) -> tuple[Any, ...]:
            value = config.get(field)
            return () if value is None else (value,) if isinstance(value, str | int) else tuple(sorted(value))

        return cls(
            names("target_modules"),
            names("exclude_modules"),
            listed("target_parameters"),
            listed("modules_to_save"),
            listed("layers_to_transform"),
            listed("layers_pattern"),
        )

    @property
    def by_pattern(self) -> bool:
        """Whether a stranger's regular expression says which modules."""
        return isinstance(self.exclude, str) or (isinstance(self.modules, str) and not self.is_word)

    @property
    def is_word(self) -> bool:
        """Whether target_modules is one of PEFT's own words."""
        return isinstance(self.modules, str) and self.modules.lower() in (ALL_LINEAR, NONE)

    @cached_property
    def _saved(self) -> re.Pattern[str] | None:
        # These are plain names: whoever read the configuration has seen to that.
        return re.compile(rf"(?:^|.*\.)(?:{'|'.join(self.saved)})(?:$|\..*)") if self.saved else None

    def targets(self, names: Sequence[str], linear: Iterable[str] = (), patience: Patience | None = None) -> set[str]:
        """The modules to adapt.

        Args:
            names: of all modules of the base model.
            linear: of those that "all-linear" means.
            patience: what is left for patterns.

        Raises:
            PatternError: a pattern is none, or takes too long; naming the field.
        """
        patience = patience or Patience()
        if self.modules is None:
            return set()
        if self.is_word:
            found = set(linear) if self.modules.lower() == ALL_LINEAR else set()  # type: ignore[union-attr]
        elif isinstance(self.modules, str):
            found = set(_told("target_modules", self.modules, names, patience))
        else:
            found = {name for name in names if _ends_in(name, self.modules) and self._in_layers(name)}
        if isinstance(self.exclude, str):
            found -= set(_told("exclude_modules", self.exclude, names, patience))
        elif self.exclude:
            found = {name for name in found if not _ends_in(name, self.exclude)}
        return {name for name in found if self._saved is None or not self._saved.match(name)}

    def copies(self, names: Iterable[str]) -> set[str]:
        """The modules to copy whole: every name that ends in one of modules_to_save, wherever its parts begin."""
        return {name for name in names if name.endswith(self.saved)} if self.saved else set()

    def adapted_parameters(self, names: Iterable[str]) -> set[str]:
        """The parameters to adapt, of these."""
        wanted = frozenset(self.parameters)
        return {name for name in names if _ends_in(name, wanted)} if wanted else set()

    def _in_layers(self, name: str) -> bool:
        if not self.layers or name in (self.modules or ()):
            return True
        found = layer_index(name, self.blocks)
        return found is not None and found in self.layers


def _told(field: str, pattern: str, names: Iterable[str], patience: Patience) -> list[str]:
    try:
        return whole_matches(pattern, names, patience)
    except PatternError as error:
        raise PatternError(f"{field}: {error}") from None


def _ends_in(name: str, endings: frozenset[str] | str) -> bool:
    """Whether a name, or what comes after one of its dots, is among these."""
    while name not in endings:
        name = name.partition(".")[2]
        if not name:
            return False
    return True


def layer_index(name: str, blocks: Sequence[str]) -> int | None:
    """The number of the block that a module is in, as the installed PEFT finds it for layers_to_transform.

    Args:
        name: of a module.
        blocks: layers_pattern, plain names; without them any list of modules counts.
    """
    lazy = _takes_the_first()
    before = ".*?" if lazy else ".*"
    if not blocks:
        found = re.match(rf"{before}\.[^.]*\.(\d+)\.", name)
        return int(found[1]) if found else None
    start = rf"(?:^|{before}\.)" if lazy else rf"{before}\."
    for block in blocks:
        if found := re.match(rf"{start}{block}\.(\d+)\.", name):
            return int(found[1])
    return None


@cache
def _takes_the_first() -> bool:
    """Newer versions of PEFT count the first number in a name, older ones the last (an expert's)."""
    from inspect import getsource

    from peft.tuners.tuners_utils import check_target_module_exists

    return "(?P<idx>" in getsource(check_target_module_exists)

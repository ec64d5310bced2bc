"""One profile: a mix with a name, and what it was made with, as readable JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer

from .mix import Mix, explain

if TYPE_CHECKING:
    from .desk import Desk

#: A file that is larger is no profile.
MOST = 4 * 2**20


class ProfileError(ValueError):
    """A profile cannot be read, written or found; the message names it, and says what to do."""


class AdapterFacts(BaseModel):
    """What a profile remembers of an adapter that it was made with.

    Attributes:
        hash: the SHA-256 of its weights' file, if it is known: tells it again under another name.
        method: as in `Adapter`.
        kinds, layers: those that had faders.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hash: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")] = ""
    method: str = ""
    kinds: tuple[str, ...] = ()
    layers: tuple[int, ...] = ()


class Profile(BaseModel):
    """A mix with a name.

    Attributes:
        name: also that of its file.
        mix: where the faders stood.
        model: the name of the model that it was made with.
        adapters: those that were loaded, by their PEFT names, whether the mix names them or not.
        restore: whether it is put back by itself when its adapters are loaded again.
        note: what one wrote about it.
        saved: when it was made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    name: str
    note: Annotated[str, Field(max_length=20_000)] = ""
    model: str = ""
    restore: Annotated[bool, Field(strict=True)] = False
    saved: datetime = Field(default_factory=lambda: datetime.now(timezone.utc).replace(microsecond=0))
    adapters: dict[str, AdapterFacts] = {}
    mix: Mix = Field(default_factory=Mix)

    @field_serializer("mix")
    def _plain_mix(self, mix: Mix) -> dict[str, Any]:
        return mix.to_dict()

    @classmethod
    def of(
        cls,
        name: str,
        desk: Desk,
        mix: Mix | None = None,
        *,
        model: str = "",
        hashes: Mapping[str, str] | None = None,
        restore: bool = False,
        note: str = "",
    ) -> Profile:
        """A profile of what stands on a desk.

        Args:
            name: what to call it.
            desk: where the adapters are.
            mix: another one than where the desk's faders stand.
            model: the model's name for people.
            hashes: the SHA-256 of the weights of adapters, by their PEFT names (`AdapterFiles.content_hash`).
            restore, note: as in the profile.
        """
        facts = {
            adapter.name: AdapterFacts(
                hash=(hashes or {}).get(adapter.name, ""),
                method=adapter.method,
                kinds=adapter.kinds,
                layers=adapter.layers,
            )
            for adapter in desk.adapters.values()
        }
        return cls(
            name=name, mix=desk.mix if mix is None else mix, model=model, adapters=facts, restore=restore, note=note
        )

    @property
    def needs(self) -> frozenset[str]:
        """The adapters that it says something about."""
        return frozenset(self.mix.adapters) or frozenset(self.adapters)

    def to_json(self) -> str:
        """Text for people and for `from_json`."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, source: str = "the profile") -> Profile:
        """The profile that `to_json` wrote.

        Args:
            text: what it wrote.
            source: what to call it in a message.

        Raises:
            ProfileError: naming each field that is not understood.
        """
        if len(text) > MOST:
            raise ProfileError(f"{source} is larger than {MOST // 2**20} MiB: that is no profile")
        try:
            return cls.model_validate(json.loads(text))
        except ValidationError as error:
            raise ProfileError(f"{source} is no profile: {explain(error)}") from None
        except (ValueError, RecursionError) as error:
            raise ProfileError(f"{source} is not JSON: {error}") from None


def read_mix(path: Path) -> Mix:
    """The mix in a JSON file, which holds a profile or a mix alone.

    Raises:
        ProfileError: it holds neither, or cannot be read.
    """
    try:
        if path.stat().st_size > MOST:
            raise ProfileError(f"{path} is larger than {MOST // 2**20} MiB: that is no profile")
        text = path.read_bytes()
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        data = json.loads(text)
        if isinstance(data, dict) and "mix" not in data:
            return Mix.from_dict(data)
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"{path}: {error}") from None
    return Profile.from_json(text, str(path)).mix

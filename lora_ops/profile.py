"""One profile: a mix with a name, and what it was made with, as readable JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    ValidationError,
    field_serializer,
    model_validator,
)

from .disk import read_at_most
from .json_text import from_json, to_json
from .mix import LayerIndex, Mix
from .refusals import FewFields, OneByOne, explain, few_fields

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
    kinds: Annotated[tuple[str, ...], FailFast()] = ()
    layers: Annotated[tuple[LayerIndex, ...], FailFast()] = ()


def _in_utc(time: datetime) -> datetime:
    """The same time on one clock, so that any two can be compared; a time without a place is taken for UTC."""
    try:
        return (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except OverflowError:  # the first or the last day of all
        raise ValueError("this is no time at which anything was saved") from None


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
    saved: Annotated[datetime, AfterValidator(_in_utc)] = Field(
        default_factory=lambda: datetime.now(timezone.utc).replace(microsecond=0)
    )
    adapters: Annotated[dict[str, Annotated[AdapterFacts, FewFields]], OneByOne] = {}
    mix: Annotated[Mix, FewFields] = Field(default_factory=Mix)

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, data: Any) -> Any:
        return few_fields(data)

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

        Raises:
            ProfileError: the note is too long, or what is not in a profile.
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
        mix = desk.mix if mix is None else mix
        try:
            return cls(name=name, mix=mix, model=model, adapters=facts, restore=restore, note=note)
        except ValidationError as error:
            raise ProfileError(f"this is no profile: {explain(error)}") from None

    @property
    def needs(self) -> frozenset[str]:
        """The adapters that it says something about."""
        return frozenset(self.mix.adapters) or frozenset(self.adapters)

    @cached_property
    def mark(self) -> str:
        """Tells this profile from another one of the same name: two that say the same have the same mark."""
        return hashlib.sha256(self.to_json().encode("utf-8")).hexdigest()[:16]

    def to_json(self) -> str:
        """Text for people and for `from_json`.

        Raises:
            ProfileError: it holds what cannot be written.
        """
        try:
            # Not as JSON: pydantic would write what is no text, and what it can write is checked here.
            data = {**self.model_dump(mode="python"), "saved": self.saved.isoformat().replace("+00:00", "Z")}
            return to_json(data)
        except (ValueError, TypeError) as error:
            raise ProfileError(f"this profile cannot be written: {error}") from None

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
            return cls.model_validate(from_json(text))
        except ValidationError as error:
            raise ProfileError(f"{source} is no profile: {explain(error)}") from None
        except ValueError as error:
            raise ProfileError(f"{source} is not JSON: {error}") from None


def read_profile(path: Path) -> Profile:
    """The profile in a JSON file, called what the file is called, whoever named that.

    Raises:
        ProfileError: it holds none, or cannot be read.
    """
    return Profile.from_json(_text(path), str(path)).model_copy(update={"name": path.stem})


def read_mix(path: Path) -> Mix:
    """The mix in a JSON file, which holds a profile or a mix alone.

    Raises:
        ProfileError: it holds neither, or cannot be read.
    """
    text = _text(path)
    try:
        data = from_json(text)
        if isinstance(data, dict) and "mix" not in data:
            return Mix.from_dict(data)
    except ValueError as error:
        raise ProfileError(f"{path}: {error}") from None
    return Profile.from_json(text, str(path)).mix


def _text(path: Path) -> bytes:
    try:
        text = read_at_most(path, MOST)
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {error.strerror or error}") from error
    if text is None:
        raise ProfileError(f"{path} is larger than {MOST // 2**20} MiB: that is no profile")
    return text

"""The mixes that requests to a host's OpenAI-compatible API may ask for: in full, by profile, or as a model's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..lora_ops.profiles import FOLDER, Profile, ProfileError, Profiles
from ..lora_ops.requested_mix import mix_of_profile, requested_mix
from .openai_refusal import Refusal

if TYPE_CHECKING:
    from ..lora_ops.desk import Desk
    from ..lora_ops.mix import Mix
    from .protocol import Host

#: The field of a request that says under which mix it is answered.
FIELD = "lora_mix"
#: Between a model's name and a profile's, in the name of a model that is a profile.
_THEN = ":"


class RequestedMixes:
    """Reads what requests ask for against the desk of this moment.

    Args:
        host: whose model, profiles and adapters those are.
        desk: gives the desk; None where nothing can be mixed.
    """

    def __init__(self, host: Host, desk: Callable[[], Desk | None]) -> None:
        self._host, self._desk = host, desk

    def models(self) -> dict[str, Profile]:
        """The profiles that fit what is loaded, by the names that they have as models."""
        profiles, desk = self._profiles().list(), self._desk()
        if not profiles or desk is None:
            return {}
        hashes, found = self._hashes(), {}
        for profile in profiles:
            try:
                mix_of_profile(profile, desk, hashes)
            except ValueError:
                continue
            found[f"{self._host.model_name}{_THEN}{profile.name}"] = profile
        return found

    def profile_in(self, model: str) -> str:
        """The profile that a model's name asks for; empty if it asks for none of the loaded model's."""
        own = f"{self._host.model_name}{_THEN}"
        return model[len(own) :] if model[: len(own)].casefold() == own.casefold() else ""

    def of(self, model: str, said: Mapping[str, Any]) -> Mix | None:
        """The mix that a request is to be answered under; None where it is to hear the faders.

        Args:
            model: the name of the model that it asks for.
            said: the request.

        Raises:
            Refusal: it asks for a mix that cannot be played, or for two.
        """
        profile, asked = self.profile_in(model), said.get(FIELD)
        if asked is None:
            return self._read(profile, "model") if profile else None
        if profile:
            why = f"{model!r} is a profile, and {FIELD} says another mix: leave one of the two out."
            raise Refusal(400, why, "invalid_lora_mix", FIELD)
        return self._read(asked, FIELD)

    def _read(self, asked: Any, field: str) -> Mix:
        if (desk := self._desk()) is None:
            trouble = self._host.trouble()
            why = f"{trouble.title}. {trouble.advice}" if trouble else "There is no adapter to mix."
            raise Refusal(400, f"{field}: {why}", "invalid_lora_mix", field)
        try:
            return requested_mix(asked, desk, self._profiles().load, self._hashes)
        except ProfileError as error:
            code = "model_not_found" if field == "model" else "profile_not_found"
            raise Refusal(400, f"{field}: {error}.", code, field) from None
        except ValueError as error:
            raise Refusal(400, f"{field}: {str(error).removesuffix('.')}.", "invalid_lora_mix", field) from None

    def _profiles(self) -> Profiles:
        folder = self._host.user_data
        return Profiles(folder / FOLDER if folder else None)

    def _hashes(self) -> dict[str, str]:
        from ..lora_ops.shelf.adapter_files import content_hashes

        return {} if self._host.multi_user else content_hashes(self._host.loaded_adapters())

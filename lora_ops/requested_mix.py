"""A mix as a request asks for it: whole, in short, or by the name of a profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .json_text import to_json
from .mix import Mix
from .profile import Profile
from .profile_fit import fit, same_adapters
from .refusals import shown

if TYPE_CHECKING:
    from .desk import Desk

#: What may be asked for, for whoever asks for something else.
FORMS = (
    'the name of a profile, a mix ({"adapters": {"pirate": {"master": 0.5}}}), a gain for each adapter '
    '({"pirate": 0.5}), or one gain for all that play as loaded (0.5)'
)


def requested_mix(
    asked: Any, desk: Desk, profile: Callable[[str], Profile], hashes: Callable[[], Mapping[str, str]] = dict
) -> Mix:
    """The mix that a request asks for, checked against what is loaded.

    >>> requested_mix({"pirate": 0.5, "butler": {"kinds": {"q_proj": 0}}}, desk, profiles.load)

    As in any mix, an adapter that is not named is as loaded.

    Args:
        asked: plain data out of JSON, in one of `FORMS`; a whole profile as its file has it is taken too.
        desk: of the model that is asked.
        profile: gives the profile of a name.
        hashes: the SHA-256 of the loaded adapters, by their PEFT names; asked where a profile is to be fitted.

    Raises:
        ValueError: it is none of that, names what is not there, or is louder than a number can hold; the message says
            what, and what there is instead.
    """
    if isinstance(asked, str):
        return mix_of_profile(profile(asked), desk, hashes())
    if isinstance(asked, Mapping) and {"version", "mix"} <= asked.keys():
        return mix_of_profile(Profile.from_json(to_json(asked), "this"), desk, hashes())
    mix = _mix(asked, desk)
    desk.check(mix)
    if mix.faded and (why_not := desk.engine.why_not("fades")):
        raise ValueError(why_not)
    return mix


def mix_of_profile(profile: Profile, desk: Desk, hashes: Mapping[str, str]) -> Mix:
    """The mix of a profile, all of which must fit; adapters are told again under other names by their files.

    Args:
        profile: what was saved.
        desk: of the model that is to play it.
        hashes: the SHA-256 of the loaded adapters, by their PEFT names.

    Raises:
        ValueError: it does not fit what is loaded.
    """
    found = fit(profile, desk, same_adapters(profile, hashes))
    if found.not_fits:
        raise ValueError(f"the profile “{profile.name}” does not fit what is loaded: {found.not_fits[0]}")
    if found.mix.faded and (why_not := desk.engine.why_not("fades")):
        raise ValueError(why_not)
    return found.mix


def _mix(asked: Any, desk: Desk) -> Mix:
    if isinstance(asked, Mapping):
        whole = asked.keys() == {"adapters"} and isinstance(asked["adapters"], Mapping)
        return Mix.from_dict(asked if whole else {"adapters": {name: _faders(of) for name, of in asked.items()}})
    if isinstance(asked, bool) or not isinstance(asked, int | float):
        raise ValueError(f"this is no mix: write {FORMS}, and not {shown(asked)}")
    faders = Mix.from_dict({"adapters": {"each adapter": {"master": asked}}})["each adapter"]
    return Mix(dict.fromkeys(desk.chosen, faders))


def _faders(of: Any) -> Any:
    """A gain alone is the adapter's master."""
    return of if isinstance(of, Mapping) else {"master": of}

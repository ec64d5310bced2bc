"""Profiles and shapes as a page asks for them: mixes kept under names, put back on the desk, and ready-made curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from ...hosts.protocol import HostError
from ...lora_ops.mix import AS_LOADED, Faders, Mix
from ..adapters.shelf import SHARED
from ..page.jobs import News
from ..page.messages import File, Name, at_most
from ..page.orders import OpenPage
from ..page.panel import Panel
from .describe import describe

if TYPE_CHECKING:
    from ...hosts.protocol import Host
    from ...lora_ops import Desk
    from ...lora_ops.profiles import Fit, Profile, Profiles
    from ..page.studio import Studio

#: The mark of the profile that a page shows, where it says so: nobody means to replace another one.
Mark = Name | None
Note = Annotated[str, at_most(20_000)]


def kept(host: Host) -> Profiles:
    """The profiles in the host's user data; where nothing may be kept there are none."""
    from ...lora_ops.profiles import FOLDER, Profiles

    folder = host.user_data
    return Profiles(folder / FOLDER if folder else None)


def look(page: OpenPage) -> News:
    """All profiles, with what of each would stand on the desk; and the shapes there are."""
    return {"profiles": _all(page.console)}


def _all(console: Studio) -> News:
    from ...lora_ops.shapes import SHAPES

    (good, damaged), desk = kept(console.host).look(), console.desk()
    return {
        "writes": console.host.user_data is not None,
        "why_not": SHARED if console.host.multi_user else "",
        "kept": console.works.kept,
        "profiles": [_row(profile, desk) for profile in good],
        "damaged": damaged,
        "shapes": [{"name": one.name, "title": one.title, "about": one.about} for one in SHAPES.values()],
    }


def _row(profile: Profile, desk: Desk | None) -> News:
    from ...lora_ops.profiles import fit

    row = {
        "name": profile.name,
        "mark": profile.mark,
        "note": profile.note,
        "model": profile.model,
        "restore": profile.restore,
        "saved": profile.saved.timestamp(),
        "words": describe(profile.mix, profile.adapters or sorted(profile.needs)),
        "adapters": sorted(profile.needs),
        "missing": [],
        "not_fits": [],
    }
    if desk is not None:
        found = fit(profile, desk.adapters)
        row |= {"not_fits": found.not_fits, "missing": [name for name in profile.needs if name not in desk.adapters]}
    return row


def save(
    page: OpenPage, *, name: Name, note: Note = "", restore: bool = False, overwrite: bool = False, seen: Mark = None
) -> News:
    """Keeps what is heard under a name; a bypass is only for listening, and is not kept."""
    from ...lora_ops.profiles import Profile

    console, desk = page.console, _desk(page.console)
    heard = replace(console.panel, bypass=False).effective(desk.adapters.values())
    playing = desk.chosen
    mix = Mix({name: one for name, one in heard.adapters.items() if one != AS_LOADED or name not in playing})
    profile = Profile.of(
        name,
        desk,
        mix,
        model=console.host.model_name,
        hashes=hashes(console.host),
        restore=restore,
        note=note,
    )
    profile = kept(console.host).save(profile, overwrite=overwrite, seen=seen)
    console.stands_at(profile.name)
    return _changed(console, f"Saved as “{profile.name}”.")


def keep_mix(
    console: Studio, desk: Desk, name: str, mix: Mix, note: str, overwrite: bool = False, seen: Mark = None
) -> News:
    """Keeps a mix that need not stand on the desk."""
    from ...lora_ops.profiles import Profile

    profile = Profile.of(name, desk, mix, model=console.host.model_name, hashes=hashes(console.host), note=note)
    profile = kept(console.host).save(profile, overwrite=overwrite, seen=seen)
    return _changed(console, f"Saved as “{profile.name}”.")


def put(page: OpenPage, *, name: Name, names: dict[str, str] | None = None) -> News:
    """Puts a profile on the desk, as far as it fits; what it does not speak of is as loaded."""
    console, desk = page.console, _desk(page.console)
    profile = kept(console.host).load(name)
    found = fitted(console.host, desk, profile, names)
    if found.not_fits and not found.fits:
        raise ValueError(f"nothing of “{profile.name}” fits what is loaded. {' '.join(found.not_fits)}")
    console.move(Panel(found.mix))
    console.stands_at(profile.name)
    lines = [f"“{profile.name}” is on the desk.", *found.fits]
    if found.not_fits:
        lines += ["Left out:", *found.not_fits]
    return {"said": "\n".join([*lines, *found.remarks]), "all": not found.not_fits}


def rename(page: OpenPage, *, name: Name, new: Name) -> News:
    """Gives a profile another name."""
    console = page.console
    profile = kept(console.host).rename(name, new)
    if console.profile == name:
        console.stands_at(profile.name)
    return _changed(console, f"“{name}” is called “{profile.name}” now.")


def change(page: OpenPage, *, name: Name, restore: bool | None = None, note: Note | None = None) -> News:
    """Whether a profile is put back by itself, and the note on it."""
    changes: dict[str, Any] = {}
    if restore is not None:
        changes["restore"] = restore
    if note is not None:
        changes["note"] = note.strip()
    kept(page.console.host).change(name, **changes)
    return _changed(page.console, "")


def delete(page: OpenPage, *, name: Name, seen: Mark = None) -> News:
    """Removes a profile; the page has asked."""
    kept(page.console.host).delete(name, seen)
    return _changed(page.console, f"“{name}” is gone.")


def export(page: OpenPage, *, name: Name) -> News:
    """A profile as text, for the browser to keep as a file."""
    return {"text": kept(page.console.host).export(name), "file": f"{name}.json"}


def take_in(page: OpenPage, *, text: File, file: Name = "") -> News:
    """Keeps a profile that came as a file; where its name is taken it gets a number."""
    from ...lora_ops.profile import Profile

    profile = kept(page.console.host).add(Profile.from_json(text, file or "the file"))
    return _changed(page.console, f"Imported as “{profile.name}”.")


def shape(page: OpenPage, *, adapter: Name, shape: Name) -> News:
    """Puts a ready-made curve on an adapter; its master stays where it is."""
    from ...lora_ops.shapes import SHAPES
    from ...lora_ops.shapes import shape as shaped

    console, desk = page.console, _desk(page.console)
    desk.check_adapters([adapter])
    mix = console.panel.mix
    faders = shaped(shape, desk.adapters[adapter], mix[adapter])
    console.move(replace(console.panel, mix=Mix({**mix.adapters, adapter: faders})))
    return {"said": f"{adapter}: {SHAPES[shape].title}."}


def restore(console: Studio, desk: Desk, names: Sequence[str]) -> Mapping[str, Faders]:
    """Where the faders of adapters stand that have just been loaded, if a profile is to be put back by itself."""
    from ...lora_ops.profiles import fit, same_adapters

    profiles = kept(console.host)
    if not names or not any(profile.restore for profile in profiles.list()):
        return {}
    there = hashes(console.host)
    found = profiles.to_restore(desk.adapters, names, there)
    if found is None:
        return {}
    mix = fit(found, desk, same_adapters(found, there)).mix
    console.restored = found.name
    return mix.adapters


def fitted(host: Host, desk: Desk, profile: Profile, names: Mapping[str, str] | None = None) -> Fit:
    """What of a profile can stand on the desk; adapters are told again under other names by what is in their files.

    Args:
        host: whose model it is.
        desk: of that model.
        profile: what was saved.
        names: under which name an adapter of the profile is loaded, where its user says so.
    """
    from ...lora_ops.profiles import fit, same_adapters

    there = hashes(host)
    known = {**same_adapters(profile, there), **{str(one): str(other) for one, other in (names or {}).items() if other}}
    return fit(profile, desk, known, model=host.model_name, hashes=there)


def mix_of_profile(console: Studio, desk: Desk, name: str) -> Mix:
    """The mix of a profile, all of which must fit.

    Raises:
        ValueError: there is no such profile, or it does not fit what is loaded.
    """
    from ...lora_ops import requested_mix as requested

    return requested.mix_of_profile(kept(console.host).load(name), desk, hashes(console.host))


def hashes(host: Host) -> dict[str, str]:
    """The SHA-256 of the weights of the loaded adapters whose files are known, by their PEFT names."""
    from ...lora_ops.shelf.adapter_files import content_hashes

    return {} if host.multi_user else content_hashes(host.loaded_adapters())


def _changed(console: Studio, said: str) -> News:
    console.works.kept += 1
    console.revision += 1
    return {"said": said, "profiles": _all(console)}


def _desk(console: Studio) -> Desk:
    desk = console.desk()
    if desk is None:
        raise HostError("There is no adapter on the desk.")
    return desk

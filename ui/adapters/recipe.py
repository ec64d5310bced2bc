"""What to try at an adapter's next training, as a page asks for it: from the faders and from what was measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...hosts.protocol import HostError
from ...lora_ops.engines.llama_server.part import parts_of
from ...lora_ops.mix import Faders, Mix
from ...lora_ops.training.formats import RECIPE_FORMATS, write_recipe
from ...lora_ops.training.recipe import recipe
from ..page.jobs import News
from ..page.messages import Name, Typed
from ..page.orders import OpenPage, Refused

if TYPE_CHECKING:
    from ...lora_ops import Adapter, Curve, Desk, Estimate, Impact, Levels, Spectrum
    from ..page.studio import Studio


def look(page: OpenPage, *, adapter: Name, percent: Typed = None) -> News:
    """The lines, and the settings of every trainer."""
    console = page.console
    desk = console.desk()
    if desk is None:
        raise HostError("There is no adapter to learn from.")
    desk.check_adapters([adapter])
    mix = console.panel.effective(desk.adapters.values())
    share = _share(percent)
    known, facts, stand = _evidence(console, desk, adapter, mix)
    made = recipe(
        known,
        facts,
        stand,
        impact=_impact(console, desk.adapters[adapter]),
        loudness=_loudness(console, desk.adapters[adapter], mix),
        curves=_curves(console, desk.adapters[adapter], mix),
        energy=share,
    )
    forms = [
        {"form": name, "title": form.title, "text": write_recipe(made, name)} for name, form in RECIPE_FORMATS.items()
    ]
    lines = [{"advice": one.advice, "why": one.why, "sure": one.sure.value, "source": one.source} for one in made.lines]
    return {"recipe": {"adapter": adapter, "lines": lines, "forms": forms}}


def _evidence(console: Studio, desk: Desk, adapter: str, mix: Mix) -> tuple[Spectrum, Adapter, Mix]:
    """The spectrum, whose, and where its faders stand; from the adapter's folder where the model's engine does not give
    its weights away."""
    if not desk.engine.why_not("weights"):
        from ...lora_ops import spectrum

        found = spectrum(desk, [adapter])
        return found, *_with_targets(desk, adapter, found, mix)
    folder = console.host.loaded_adapters().get(adapter)
    if folder is None:
        raise HostError("Its folder is not known, and the model here does not give its weights away.")
    try:
        from ...lora_ops import read_weights, spectrum_weights
    except ImportError as error:
        raise HostError(f"Reading its weights takes {error.name}, which is not installed here.") from error
    weights = read_weights(folder, adapter)
    return spectrum_weights([weights]), weights.adapter, mix


def _with_targets(desk: Desk, name: str, found: Spectrum, mix: Mix) -> tuple[Adapter, Mix]:
    """An adapter with all its targets, and their gains: on a llama-server one fader may move several."""
    adapter = desk.adapters[name]
    parts = [part for part in parts_of(desk) or () if part.adapter == name]
    spectra = found.adapters[name]
    if len(parts) == len(spectra) or not parts:
        return adapter, mix
    faders = [part for part in parts for _ in part.targets]
    gains = {one.target.name: mix.gain(part.fader) for one, part in zip(spectra, faders, strict=True)}
    targets = replace(adapter, targets=tuple(one.target for one in spectra))
    return targets, Mix({name: Faders(on=mix[name].on, modules=gains)})


def _impact(console: Studio, adapter: Adapter) -> Impact | Estimate | None:
    """What was measured last of this very adapter."""
    for what in ("silenced", "alone"):
        found = console.works.impacts.get((what, adapter.name))
        if (
            found is not None
            and found.targets.get(adapter.name)
            and adapter.names.issuperset(found.targets[adapter.name])
        ):
            return found
    return None


def _curves(console: Studio, adapter: Adapter, mix: Mix) -> list[Curve]:
    """Of texts of one's own over this very adapter, as long as its faders stand as they did but for what was swept."""

    def beside(faders: Faders) -> Faders:
        return replace(faders, on=True, master=1.0, rank=None, energy=None, fades={})

    drawn = (console.works.curves.get((adapter.name, swept)) for swept in ("master", "rank"))
    return [
        one.found
        for one in drawn
        if one is not None
        and one.adapter.targets == adapter.targets
        and beside(one.faders) == beside(mix[adapter.name])
    ]


def _loudness(console: Studio, adapter: Adapter, mix: Mix) -> Levels | None:
    """As the faders stand, if it was measured of this very adapter."""
    found = console.louds.found
    if found is None or [one.target for one in found.adapters.get(adapter.name, ())] != list(adapter.scalable):
        return None
    return found.at(mix)


def _share(percent: Typed) -> float:
    if percent in (None, ""):
        return 0.95
    try:
        share = float(str(percent).strip().removesuffix("%").replace(",", ".")) / 100
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise Refused(f"the share must be above 0 and up to 100 %, not {str(percent)[:20]!r}", "percent")
    return share

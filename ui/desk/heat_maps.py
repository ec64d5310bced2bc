"""Loudness, spectra and impact as a page asks for them, and the faders that come of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from ...hosts.protocol import HostError
from ...lora_ops.mix import Mix
from ..lab.prompt_ids import tokens_of
from ..lab.replies import left
from ..page.jobs import Job, News
from ..page.messages import Name, Typed, Words
from ..page.orders import OpenPage

if TYPE_CHECKING:
    from ...lora_ops import Desk, Estimate, Impact
    from ..page.studio import Studio

What = Literal["silenced", "alone"]
Source = Literal["chat", "text"]
#: What is measured on as token ids, and whether its beginning was cut off.
Text = tuple[list[int], bool]
#: A longer text takes longer, and tells little more: of its end so many tokens are measured.
MOST_TOKENS = 256
#: How often an estimate draws: the order of targets that differ by orders is told well by as many.
PROBES = 16


def loudness(page: OpenPage) -> News:
    """For every adapter the norms of its targets, as loaded, and of the weights they are added to; null while that is
    being worked out, and how far that is."""
    return page.console.louds.news(page.console)


def spectra(page: OpenPage) -> News:
    """For every adapter what each of its targets adds, component by component; null while that is being worked out."""
    return page.console.spectra.news(page.console)


def estimate(page: OpenPage, job: Job, *, adapter: Name, what: What, source: Source, text: Words = "") -> News:
    """Estimates what each target, kind and layer of one adapter does to a text, in a few passes."""
    console, desk = page.console, _desk(page.console)
    from ...lora_ops import estimate_impact

    ids, cut = _read(page, desk, job, adapter, source, text)
    mix = console.panel.effective(desk.adapters.values())
    found = estimate_impact(
        desk,
        ids,
        mix,
        what,
        probes=PROBES,
        adapters=[adapter],
        cancelled=job.stopped,
        progress=lambda done, total: job.tell(f"{done} of {total} probes", done / total),
    )
    if not found.targets.get(adapter):
        reason = next(iter(found.why_not.get(adapter, {}).values()), "")
        return {
            "line": f"Nothing can be estimated: {reason}. Measure it." if reason else "Stopped before it was known."
        }
    console.works.impacts[what, adapter] = found
    return {"impact": {**_plain(found, adapter), "adapter": adapter, "cut": cut, "fresh": True}}


def impact(page: OpenPage, job: Job, *, adapter: Name, what: What, source: Source, text: Words = "") -> News:
    """Measures what each target, kind and layer of one adapter does to a text; what is estimated to do most, first."""
    console, desk = page.console, _desk(page.console)
    from ...lora_ops import impact as measured

    ids, cut = _read(page, desk, job, adapter, source, text)
    known = console.works.impacts.get((what, adapter))
    began = time.monotonic()

    def progress(done: int, total: int) -> None:
        parts = [f"{done} of {total} parts", left(time.monotonic() - began, done / total)]
        job.tell(" · ".join(part for part in parts if part), done / total)

    mix = console.panel.effective(desk.adapters.values())
    found = measured(
        desk,
        ids,
        mix,
        what,
        adapters=[adapter],
        cancelled=job.stopped,
        progress=progress,
        first=known.targets if known else None,
    )
    if not found.targets.get(adapter):
        return {"line": "Stopped before anything was measured."}
    console.works.impacts[what, adapter] = found
    return {"impact": {**_plain(found, adapter), "adapter": adapter, "cut": cut, "fresh": True}}


def remembered(page: OpenPage, *, adapter: Name, what: What) -> News:
    """What was measured last, for a page that was loaded again; and whether faders have moved since."""
    console, desk = page.console, page.console.desk()
    found = console.works.impacts.get((what, adapter))
    if desk is None or found is None or adapter not in desk.adapters:
        return {}
    if not desk.adapters[adapter].names.issuperset(found.targets.get(adapter, {})):
        return {}
    now = console.panel.effective(desk.adapters.values())
    fresh = all(now[name].at(0) == found.mix[name] for name in desk.adapters)
    return {"impact": {**_plain(found, adapter), "adapter": adapter, "cut": False, "fresh": fresh}}


def silence_idle(page: OpenPage, *, adapter: Name, what: What, percent: Typed) -> News:
    """Silences the targets that do next to nothing."""
    share = _number(percent, "the share, in percent,")
    found = _measured(page.console, what, adapter)
    from ...lora_ops import silence_idle as without

    return _silence(page.console, adapter, without(found, share / 100))


def keep_top(page: OpenPage, *, adapter: Name, what: What, count: Typed) -> News:
    """Silences all but the targets of greatest impact."""
    number = _number(count, "how many to keep")
    if not number.is_integer():
        raise ValueError(f"how many to keep must be a whole number, not {number:g}")
    found = _measured(page.console, what, adapter)
    from ...lora_ops import keep_top as only

    return _silence(page.console, adapter, only(found, int(number)))


def _silence(console: Studio, adapter: str, mix: Mix) -> News:
    """Turns single faders to 0, and leaves all others where they stand now."""
    desk = _desk(console)
    desk.check_adapters([adapter])
    there = desk.adapters[adapter].names
    silent = {name: 0.0 for name, gain in mix[adapter].modules.items() if gain == 0 and name in there}
    faders = console.panel.mix[adapter]
    changed = replace(faders, modules={**faders.modules, **silent})
    panel = replace(console.panel, mix=Mix({**console.panel.mix.adapters, adapter: changed}))
    console.move(panel)
    return {"said": f"{len(silent)} of {len(there)} targets of {adapter} are silent now."}


def _measured(console: Studio, what: What, adapter: str) -> Impact | Estimate:
    found = console.works.impacts.get((what, adapter))
    if found is None:
        raise ValueError("nothing was measured yet: measure first")
    return found


def _read(page: OpenPage, desk: Desk, job: Job, adapter: str, source: Source, text: str) -> Text:
    desk.check_adapters([adapter])
    job.tell("Reading the text …")
    return _reply(page) if source == "chat" else _typed(page.console, text)


def _reply(page: OpenPage) -> Text:
    """The chat's last reply, after what it answers."""
    host = page.console.host
    reply = host.last_reply(page.chat)
    if not reply.strip():
        raise HostError("The chat has no reply to measure on: say something in it, or type a text of your own.")
    said = tokens_of(page.console).encode(reply, add_special_tokens=False)
    return _end([*host.ask_again(page.chat).token_ids, *said])


def _typed(console: Studio, text: str) -> Text:
    if not text.strip():
        raise HostError("Type a text to measure on first.")
    return _end(tokens_of(console).encode(text))


def _end(ids: Sequence[int]) -> Text:
    return list(ids[-MOST_TOKENS:]), len(ids) > MOST_TOKENS


def _plain(found: Impact | Estimate, adapter: str) -> News:
    from ...lora_ops import Impact

    return {
        "what": found.what,
        "targets": dict(found.targets.get(adapter, {})),
        "kinds": dict(found.kinds.get(adapter, {})),
        "layers": {str(layer): value for layer, value in found.layers.get(adapter, {}).items()},
        "tokens": found.tokens,
        "seconds": found.seconds,
        "complete": found.complete,
        "why_not_batched": found.why_not_batched if isinstance(found, Impact) else "",
        "estimated": None if isinstance(found, Impact) else _error(found, adapter),
    }


def _error(found: Estimate, adapter: str) -> News:
    """How far off an estimate may be, and what it leaves out."""
    return {
        "probes": found.probes,
        "targets": dict(found.target_errors.get(adapter, {})),
        "why_not": dict(found.why_not.get(adapter, {})),
    }


def _desk(console: Studio) -> Desk:
    desk = console.desk()
    if desk is None:
        raise HostError("There is no adapter to measure.")
    return desk


def _number(value: Any, what: str) -> float:
    try:
        return float(str(value).strip().replace(",", "."))
    except ValueError:
        raise ValueError(f"{what} must be a number, not {str(value)[:20]!r}") from None

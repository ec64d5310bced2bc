"""What a page needs to draw the desk, as plain data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...lora_ops.sentence import sentence

if TYPE_CHECKING:
    from ...lora_ops import Adapter, Desk
    from ...lora_ops.engines.engine import Ability
    from .studio import Studio


def state_json(console: Studio, asked: Any = None, known: int | None = None) -> str:
    """The state of the desk for the page's script, which asked for it at `asked`; `page/messages.js` tells its form.

    Gradio passes on only what differs from what the page got before: `asked` makes each answer one of its own.
    """
    return json.dumps({**state(console, known), "asked": asked}, allow_nan=False, separators=(",", ":"))


def state(console: Studio, known: int | None = None) -> dict[str, Any]:
    """The state of the desk as plain data.

    Adapters with thousands of targets are megabytes, and change only when others are loaded: for a page that knows
    them, `known` being the `loaded` that they came with, they are None.
    """
    desk = console.desk()
    # Before the adapters: should others be loaded meanwhile, the page asks for those once more.
    loaded = console.loaded
    trouble = console.trouble if desk is None else None
    least, most = console.fader_range
    return {
        "rev": console.revision,
        "loaded": loaded,
        "trouble": {"title": trouble.title, "advice": trouble.advice} if trouble else None,
        "model": {"name": console.host.model_name, "parameters": desk.parameters if desk else None},
        "engine": _engine(console, desk) if desk else None,
        "fader": {"min": least, "max": most},
        "offer": _offer(console, desk) if desk and not console.unsettled else None,
        "notices": _notices(console, desk),
        "adapters": _adapters(desk, new=known != loaded) if desk else [],
        "panel": console.panel.to_dict(),
        "crossfade": console.crossfader.to_dict(console.panel.mix) if console.crossfader else None,
        "profile": {"name": console.profile, "moved": console.moved_since, "kept": console.works.kept},
        "lab": {"rev": console.lab.revision, "running": console.comparing, "length": _length(console)},
    }


def _length(console: Studio) -> dict[str, Any] | None:
    """How long a reply may get as the chat is set."""
    length = console.host.reply_length()
    return {"tokens": length.tokens, "withPrompt": length.with_prompt} if length else None


#: What an engine may lack, or do in a way of its own, that a page tells where it is used. `scores` is not among them:
#: to know it a server must be asked, which whoever wants them does.
_LACKS: tuple[Ability, ...] = ("divergence", "weights", "impact", "learn", "fades")
_DIFFERS: tuple[Ability, ...] = ("live", "mid_reply", "rows", "fades", "scores")


def _engine(console: Studio, desk: Desk) -> dict[str, Any]:
    """What plays, what became of the mix where it is sent away, what it cannot do, and what it does in a way of its
    own; sentences, empty where there is nothing."""
    engine, standing = desk.engine, console.standing
    return {
        "name": engine.name,
        "standing": sentence(standing.told()) if standing else "",
        "whyNot": {what: sentence(engine.why_not(what)) for what in _LACKS},
        "differs": {what: sentence(engine.differs(what)) for what in _DIFFERS},
    }


def _adapters(desk: Desk, new: bool) -> list[dict[str, Any]] | None:
    return [_adapter(adapter, desk) for adapter in desk.adapters.values()] if new else None


def _notices(console: Studio, desk: Desk | None) -> list[str]:
    notices = []
    if console.comparing:
        notices.append("A comparison is running: what you move now is applied when it ends.")
    if desk is not None and not any(adapter.scalable for adapter in desk.adapters.values()):
        notices.append("None of the adapters that are loaded has a fader; each says why.")
    if (standing := console.standing) is not None and standing.most_rank is None:
        notices.append(sentence(standing.told()))
    return notices


def _offer(console: Studio, desk: Desk) -> dict[str, str] | None:
    """What can be done about adapters that the host blended into one, or about a mix that is not played."""
    if (standing := console.standing) is not None and standing.most_rank is not None:
        return {
            "id": "strongest",
            "text": sentence(standing.told()),
            "label": f"Play its {standing.most_rank} strongest components",
        }
    sources = console.host.merged_sources()
    if not sources:
        return _offer_to_open(console)
    playing = desk.chosen
    if console.plays_apart(desk, sources):
        return {
            "id": "blend",
            "text": f"{_listed(sources)} play side by side, each with its own faders.",
            "label": f"Play what {console.host.name} chose instead",
        }
    only = "only " if set(playing) < set(sources) else ""
    return {
        "id": "separate",
        "text": f"{console.host.name} plays {only}{_listed(playing)}, though {_listed(sources)} are loaded. "
        "They can play side by side, each with its own faders; their ranks may differ.",
        "label": "Play them as separate adapters",
    }


def _offer_to_open(console: Studio) -> dict[str, str] | None:
    """An adapter that stands in one file can have more faders than one."""
    from ...hosts.protocol import OpensUp

    host = console.host
    whole = host.whole_adapters() if isinstance(host, OpensUp) else {}
    if (name := next((name for name, opened in whole.items() if not opened), None)) is None:
        return None
    return {
        "id": "open up",
        "name": name,
        "text": f"“{name}” stands in {host.name}’s extra flags as one file, so it has one fader. Opened up, each of "
        "its targets has one; the model is started again for it.",
        "label": "Open it up",
    }


def _adapter(adapter: Adapter, desk: Desk) -> dict[str, Any]:
    from ...lora_ops.advice import advise, shared_faders

    kind_at = {kind: at for at, kind in enumerate(adapter.kinds)}
    return {
        "name": adapter.name,
        "playing": adapter.name in desk.chosen,
        "method": adapter.method,
        "rslora": adapter.rank_stabilised,
        "rank": sorted({target.rank for target in adapter.scalable}),
        "alpha": sorted({target.alpha for target in adapter.scalable}),
        "scaling": sorted({target.scaling for target in adapter.scalable}),
        "parameters": adapter.parameters,
        "share": adapter.share,
        "advice": " ".join(filter(None, (shared_faders(adapter), advise(adapter)))),
        "whyNotRank": _why_not_rank(adapter, desk),
        "kinds": list(adapter.kinds),
        "layers": list(adapter.layers),
        "targets": [
            [target.name, target.layer, kind_at[target.kind], target.rank, target.alpha, target.scaling]
            for target in adapter.scalable
        ],
        "fixed": [[target.name, target.reason] for target in adapter.targets if not target.scalable],
    }


def _why_not_rank(adapter: Adapter, desk: Desk) -> str:
    from ...lora_ops import Faders
    from ...lora_ops.mix_check import why_not_rank

    reason = desk.engine.why_not("rank") or why_not_rank(adapter, Faders(rank=1))
    return sentence(reason)


def _listed(names: Any) -> str:
    *first, last = [f"“{name}”" for name in names] or ["nothing"]
    return f"{', '.join(first)} and {last}" if first else last

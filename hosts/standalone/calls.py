"""What a call of the page's script looks like, so that Gradio is handed no other: some make it fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import from_json

_SESSION = re.compile(r"[\w-]{1,64}", re.ASCII)
_FIELDS = {"data", "fn_index", "session_hash", "event_data", "trigger_id", "event_id"}
#: Numbers beyond it may be no float any more.
_LARGEST = 1e300
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,), "number": (int, float), "integer": (int, float), "boolean": (bool,),
}  # fmt: skip


def check_call(functions: Mapping[int, Any], path: str, body: bytes) -> str:
    """Why this is no call that a page makes; empty if it is one.

    Args:
        functions: of Gradio's `Blocks`, by their numbers.
        path: what is called: "/queue/join", "/run/predict", "/cancel" or "/reset".
        body: of the request.
    """
    try:
        said = from_json(body, allow_inf_nan=False)
    except ValueError:
        return "This is no JSON, or none that can be read."
    if not isinstance(said, dict):
        return "This must be an object."
    if path in ("/cancel", "/reset"):
        return _check_end(said, path == "/cancel")
    return _check_event(said, functions, queued=path == "/queue/join")


def _check_end(said: dict[str, Any], cancels: bool) -> str:
    if not _is_name(said.get("event_id")):
        return "event_id: must be the name of an event."
    if cancels and not (_is_name(said.get("session_hash")) and _is_number(said.get("fn_index"))):
        return "session_hash and fn_index: must name a page and a function."
    return ""


def _check_event(said: dict[str, Any], functions: Mapping[int, Any], queued: bool) -> str:
    if strange := sorted(set(said) - _FIELDS)[:3]:
        return f"{', '.join(name[:40] for name in strange)}: no call has that."
    if not _is_name(said.get("session_hash")):
        return "session_hash: must be the name of a page."
    if said.get("event_id") is not None or not (said.get("trigger_id") is None or _is_number(said["trigger_id"])):
        return "event_id and trigger_id: must be null, and a number or null."
    function = functions.get(said["fn_index"]) if _is_number(said.get("fn_index")) else None
    if function is None or function.fn is None:
        return "fn_index: there is no such function."
    if not queued and function.queue is not False:
        return "fn_index: this function is for the queue."
    data = said.get("data")
    if not isinstance(data, list) or len(data) != len(function.inputs):
        return f"data: must be a list of {len(function.inputs)}."
    for at, (value, component) in enumerate(zip(data, function.inputs, strict=True)):
        if not _suits(value, component):
            return f"data.{at}: is not what {type(component).__name__} holds."
    return ""


def _suits(value: Any, component: Any) -> bool:
    if getattr(component, "stateful", False):
        return True  # what it holds stays on the server, whatever a page says
    kinds = _KINDS.get(_kind(component), ())
    if value is not None and not (isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))):
        return False
    if isinstance(value, int | float) and not -_LARGEST <= value <= _LARGEST:
        return False
    try:
        component.preprocess(value)
    except Exception:  # whatever it is, Gradio would come to grief over it too
        return False
    return True


def _kind(component: Any) -> str:
    told: Callable[[], Any] | None = getattr(component, "api_info", None)
    info = told() if told is not None else None
    kind = info.get("type") if isinstance(info, Mapping) else None
    return kind if isinstance(kind, str) else ""


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and _SESSION.fullmatch(value) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31

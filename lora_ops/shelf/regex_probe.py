"""Whether Python's own `re`, with which PEFT matches, ends on a stranger's patterns: tried in a process apart.

`regex` is quick with patterns on which `re` spends years. Here such a pattern would do no harm, but whoever plays what
is baked from it would freeze, and so would a host that matches once more.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from .adapter_config import PATTERNED
from .patterns import Patterns, short

#: Processor seconds that the other process may take, and seconds altogether; what people write takes milliseconds.
_MOST_SECONDS, _MOST_WAIT = 2, 60

_TRY = f"""
import json, re, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, ({_MOST_SECONDS}, {_MOST_SECONDS}))
except (ImportError, ValueError, OSError):
    pass
asked, names = json.load(sys.stdin)
for text, whole in asked:
    for name in names:
        (re.fullmatch if whole else re.match)(text, name)
print("all")
"""


def why_endless(config: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Why PEFT would not come to an end with this configuration; empty if it would, or if that cannot be tried.

    Args:
        config: the fields of adapter_config.json.
        names: of all modules of the base model.
    """
    for field in ("target_modules", "exclude_modules", "feedforward_modules"):
        pattern = config.get(field)
        if isinstance(pattern, str) and not _ends(((pattern, True),), names):
            return _reason(field, pattern)
    if str(config.get("peft_type")).upper() not in PATTERNED:
        return ""
    for field in ("rank_pattern", "alpha_pattern"):
        others = Patterns(config.get(field)).others
        if others and not _ends(tuple((rf"(.*\.)?({key})$", False) for key in others), names):
            return _reason(field, others[0])
    return ""


def _reason(field: str, pattern: str) -> str:
    return f"{field}: {short(pattern)} takes too long, perhaps for ever, in PEFT: write plain names instead"


@lru_cache(maxsize=256)
def _ends(asked: tuple[tuple[str, bool], ...], names: tuple[str, ...]) -> bool:
    if not sys.executable:
        return True
    try:
        tried = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _TRY],
            input=json.dumps([asked, names]).encode(),
            capture_output=True,
            timeout=_MOST_WAIT,
        )
    except subprocess.TimeoutExpired:
        return False
    except OSError:  # no process can be started here
        return True
    # Whatever else went wrong there is told elsewhere; a signal ended what took too long.
    return tried.returncode >= 0

"""The tests mirror the rooms: a module's test has its name, and stands where the module does.

The tests of `lora_ops/bakery/bake.py` are `tests/lora_ops/bakery/test_bake*.py`; those of `ui/page/gains.js`, which
knows nothing of a browser, `tests/ui/page/gains.test.js`. What has none stands here, with the reason.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("lora_ops", "ui", "hosts", "cli", "demo", "tools", "bench")

MEASURED = "a measurement: `python3 run.py bench --quick` runs it, and its numbers stand in bench/RESULTS.md"
BROWSER = "what it draws is looked at in a browser (tests/browser)"
#: Modules that no test is named after, and why.
WITHOUT = {
    "bench/baking.py": MEASURED,
    "bench/columns.py": MEASURED,
    "bench/demo_stage.py": "tests/lora_ops/learning/test_learn_truth.py asks the demo's model by it",
    "bench/drive.py": MEASURED,
    "bench/finding.py": MEASURED,
    "bench/generating.py": MEASURED,
    "bench/host_start.py": MEASURED,
    "bench/impact.py": MEASURED,
    "bench/learning.py": MEASURED,
    "bench/llama.py": MEASURED,
    "bench/loudness.py": MEASURED,
    "bench/moves.py": MEASURED,
    "bench/on_gpu.py": "a measurement for a GPU: `python3 run.py --inside bench.on_gpu --quick` runs it on any machine",
    "bench/orders.py": MEASURED,
    "bench/page.py": MEASURED,
    "bench/page_columns.py": MEASURED,
    "bench/page_server.py": MEASURED,
    "bench/ranks.py": MEASURED,
    "bench/resized.py": MEASURED,
    "bench/spectrum.py": MEASURED,
    "bench/starting.py": MEASURED,
    "bench/truth.py": MEASURED,
    "bench/vllm.py": "a measurement on a server that is named: `LORA_MIXER_VLLM=http://… python3 run.py bench vllm`",
    "bench/workshop.py": MEASURED,
    "hosts/standalone/player.py": "a protocol alone: mypy holds it, and test_host.py and test_llama.py what keeps it",
    "lora_ops/bakery/slot.py": "one constant: the name that test_read_back.py sees gone",
    "lora_ops/engines/lesson.py": "two fields and their length, which every test in peft/test_aims.py reads",
    "lora_ops/results/migrations/env.py": "Alembic runs it: every test in test_database.py that migrates does",
    "ui/desk/cell_words.js": BROWSER,
    "ui/adapters/messages.js": "types alone; `tsc` holds them",
    "ui/chat/messages.js": "types alone; `tsc` holds them",
    "ui/desk/messages.js": "types alone; `tsc` holds them",
    "ui/lab/messages.js": "types alone; `tsc` holds them",
    "ui/learn/messages.js": "types alone; `tsc` holds them",
    "ui/page/messages.js": "types alone; `tsc` holds them",
    "ui/votes/messages.js": "types alone; `tsc` holds them",
}
#: What a script that is to run in a browser alone speaks of.
IN_A_BROWSER = re.compile(r"\bdocument\b|\bwindow\b|HTMLElement|Element\}|elements\.js|addEventListener")


def modules() -> list[Path]:
    found = [path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file()]
    written = [path for path in found if "versions" not in path.parts and "built" not in path.parts]
    python = [path for path in written if path.suffix == ".py" and path.name != "__init__.py"]
    scripts = [path for path in written if path.suffix == ".js"]
    return sorted([*python, *(path for path in scripts if not IN_A_BROWSER.search((ROOT / path).read_text("utf-8")))])


def named_after(module: Path) -> list[Path]:
    """Those that have its name."""
    folder = ROOT / "tests" / module.parent
    if module.suffix == ".js":
        return list(folder.glob(f"{module.stem}.test.js"))
    return [*folder.glob(f"test_{module.stem}.py"), *folder.glob(f"test_{module.stem}_*.py")]


@pytest.mark.parametrize("module", modules(), ids=Path.as_posix)
def test_a_module_has_tests_of_its_name_or_a_reason(module: Path) -> None:
    if module.as_posix() in WITHOUT:
        assert not named_after(module), "it has tests by now: take it off the list"
    else:
        wanted = f"tests/{(module.parent / f'test_{module.stem}.py').as_posix()}"
        assert named_after(module), f"write {wanted}, or say in this file why there is nothing to test"


def test_the_list_names_modules_that_there_are() -> None:
    there = {module.as_posix() for module in modules()}
    assert set(WITHOUT) <= there and all(WITHOUT.values())

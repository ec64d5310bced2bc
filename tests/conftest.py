"""What every test shares: the package, made out of this folder as `script.py` makes it, and no network."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", GRADIO_ANALYTICS_ENABLED="False")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _import_package() -> None:
    if "lora_mixer" in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(
        "lora_mixer", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["lora_mixer"] = package
    spec.loader.exec_module(package)


_import_package()
sys.path.insert(0, str(ROOT / "tests"))


def pytest_runtest_setup() -> None:
    """Where its thread has no event loop (any more), Gradio 4 makes a queue without locks: a page that plays dead."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            asyncio.get_event_loop()
        except RuntimeError:  # what asyncio.run leaves behind
            asyncio.set_event_loop(asyncio.new_event_loop())


# Fixtures that several modules share.
from helpers.browser import served  # noqa: E402, F401
from helpers.hosted import host, loaded, textgen  # noqa: E402, F401


# A module's own browser: as long as one runs, Playwright keeps an event loop in the thread of the tests.
@pytest.fixture(scope="module")
def chromium_browser() -> Iterator[Any]:
    from helpers.browser import chromium

    with chromium() as running:
        yield running


@pytest.fixture
def visit(chromium_browser: Any) -> Iterator[Any]:
    """Opens pages; afterwards none of them may have raised an error."""
    from helpers.browser import Visits

    visits = Visits(chromium_browser)
    yield visits
    visits.close()
    assert not visits.problems, "in the browser: " + "; ".join(visits.problems)

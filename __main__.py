"""`python3 -m lora_mixer …`, and `python3 PATH/TO/THIS/FOLDER …` whatever the folder is called."""

from __future__ import annotations

import importlib.util
import sys
from importlib import import_module
from pathlib import Path


def _package() -> str:
    """The name of the package that this file is in, made out of its folder where Python runs the folder alone."""
    if __package__:
        return __package__
    folder = Path(__file__).resolve().parent
    # The folder leaves the path: its sub-folders would hide modules of the same names.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != folder]
    spec = importlib.util.spec_from_file_location(
        "lora_mixer", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["lora_mixer"] = package
    spec.loader.exec_module(package)
    return "lora_mixer"


if __name__ == "__main__":
    sys.exit(import_module(f"{_package()}.cli").main(sys.argv[1:]))

"""Which folders go into the wheel: all that are there, found here since the root of the repository *is* the package
`lora_mixer`, and the tables of pyproject.toml find packages by the names of their folders alone.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import find_namespace_packages, setup
from setuptools.command.build_py import build_py

NAME = "lora_mixer"
#: Rooms for those who work on LoRA Mixer, and the doors to them: nobody needs them to run it.
WORKSHOP = {"tests", "bench", "tools"}
DOORS = {"run", "setup"}
#: Folders that tools leave in rooms.
LEFT = ("*__pycache__*", "*node_modules*")


def rooms() -> list[str]:
    """Every folder of every room: at the top those with an `__init__.py`, below them also scripts, styles, weights."""
    tops = sorted(path.parent.name for path in Path().glob("*/__init__.py") if path.parent.name not in WORKSHOP)
    below = [f"{top}.{name}" for top in tops for name in find_namespace_packages(top, exclude=LEFT)]
    return [f"{NAME}.{folder}" for folder in [*tops, *below]]


class Build(build_py):
    """Leaves the doors out, and what an earlier build made of files that are gone since."""

    def run(self) -> None:
        if not self.editable_mode:
            shutil.rmtree(Path(self.build_lib, NAME), ignore_errors=True)
        super().run()

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        found = super().find_package_modules(package, package_dir)
        return [module for module in found if package != NAME or module[1] not in DOORS]


setup(
    packages=[NAME, *rooms()],
    package_data={NAME: ["py.typed"], **{room: ["*"] for room in rooms()}},
    include_package_data=False,
    cmdclass={"build_py": Build},
)

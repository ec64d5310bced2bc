"""What lies beside the code and is read by others' programs: it can be read, and says the same as what it is about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def pinned(name: str, file: str = "tools") -> str:
    lists = (ROOT / "requirements" / f"{file}.txt").read_text(encoding="utf-8")
    [version] = re.findall(rf"^{name}==([\d.]+)", lists, re.MULTILINE)
    return version


def test_what_runs_before_a_commit_is_the_ruff_of_the_tests():
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    [rev] = [repo["rev"] for repo in repos if repo["repo"].endswith("ruff-pre-commit")]
    assert rev == f"v{pinned('ruff')}"


def test_every_system_runs_both_sets_through_the_one_command():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))["jobs"]
    matrix = jobs["tests"]["strategy"]["matrix"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert {one["set"]: one["which"] for one in matrix["include"]} == {"oldest": "--old", "newest": "--new"}
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert all(run.startswith("python run.py test --") or "matrix.which" in run for run in runs) and len(runs) == 3


@pytest.mark.parametrize("form", [path for path in FORMS if path.name != "config.yml"], ids=lambda path: path.name)
def test_an_issue_form_asks_for_something_and_names_each_field_once(form: Path):
    said = yaml.safe_load(form.read_text(encoding="utf-8"))
    ids = [field["id"] for field in said["body"]]
    assert said["name"] and said["description"] and len(ids) == len(set(ids))
    assert any(field.get("validations", {}).get("required") for field in said["body"])


def test_the_packages_of_the_extension_are_among_those_of_the_wheel():
    wanted = re.findall(r"^([\w-]+>=[\d.]+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.findall(r'"([\w-]+>=[\d.]+)"', project.partition("dependencies = [")[2].partition("]")[0])
    assert len(wanted) == 4 and set(wanted) <= set(listed)


def test_what_a_feature_of_the_command_line_imports_late_comes_with_the_wheel():
    """But for what people choose the builds of, and for what comes with something else."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.findall(r'"([\w-]+)>=[\d.]+"', project.partition("dependencies = [")[2].partition("]")[0])
    sources = [path.read_text(encoding="utf-8") for room in ("lora_ops", "cli") for path in (ROOT / room).rglob("*.py")]
    found = {name for source in sources for name in re.findall(r'(?<![\w.])needed\(\s*"(\w+)', source)}
    brought = {"numpy", "sqlalchemy"}  # by SciPy and Alembic
    chosen = {"torch", "transformers", "peft", "safetensors"}
    late = {name.replace("_", "-") for name in found - brought - chosen}
    assert "scipy" in late and late <= set(listed), "pip install . leaves out what a feature needs"

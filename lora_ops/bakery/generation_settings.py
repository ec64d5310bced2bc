"""The `generation_config.json` of a model that is written: the base model's own settings, as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FILE = "generation_config.json"


class GenerationSettings:
    """Stands in a model for its `GenerationConfig` while `save_pretrained` writes it.

    transformers refuses to write settings that it would only warn of when it reads them: `temperature` beside
    `do_sample: false`, as many published models have it, or the `min_p` that a program has put into every
    `GenerationConfig` of its process. They belong to the base model and are none of our business, so they are written
    as they stand; what is only this process' default is left out, as transformers leaves it out.
    """

    def __init__(self, config: Any) -> None:
        """Args: config: a `GenerationConfig`, or None for a model that has none."""
        self._settings = {} if config is None else _settings(config)

    def save_pretrained(self, folder: str | Path, **options: Any) -> None:
        """Writes the settings, with those that transformers moves here out of the model's config (as attributes)."""
        moved = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        text = json.dumps({**self._settings, **moved}, indent=2, sort_keys=True)
        (Path(folder) / _FILE).write_text(text + "\n", encoding="utf-8")


def _settings(config: Any) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(config.to_json_string(use_diff=True))
    settings.pop("compile_config", None)  # of this process, as for transformers
    return settings

"""One call for several versions of Gradio."""

from __future__ import annotations

import pytest

from lora_mixer.hosts.standalone.gradio_versions import accepted


@pytest.mark.parametrize("options", [{}, {"a": 1}, {"a": 1, "b": 2}])
def test_a_function_is_given_what_it_takes(options: dict[str, int]) -> None:
    def takes(a: int = 0) -> None: ...

    assert accepted(takes, **options) == {name: value for name, value in options.items() if name == "a"}

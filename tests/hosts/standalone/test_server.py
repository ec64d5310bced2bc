"""A server that runs, as it was named."""

from __future__ import annotations

from lora_mixer.hosts.standalone.server import OnServer


def test_it_has_a_name_before_it_has_answered_and_no_password_is_in_it() -> None:
    assert OnServer("http://me:secret@example.org:8000/x").model_name == "The server at example.org:8000"
    assert OnServer("127.0.0.1:8000").place == "127.0.0.1:8000"

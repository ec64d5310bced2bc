"""Both hosts have all that a page asks of a host."""

from __future__ import annotations

import inspect

import pytest
from helpers.toy_host import ToyHost

from lora_mixer.hosts.protocol import Host, HostError, Trouble
from lora_mixer.hosts.standalone.host import StandaloneHost
from lora_mixer.hosts.textgen.host import TextGenHost

HOSTS = [StandaloneHost, TextGenHost, ToyHost]


def methods() -> dict[str, inspect.Signature]:
    """Those of the protocol, properties aside."""
    return {
        name: inspect.signature(member)
        for name, member in vars(Host).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.__name__)
def test_every_method_takes_what_the_protocol_says(host: type) -> None:
    assert methods()
    for name, signature in methods().items():
        own = inspect.signature(getattr(host, name))
        given = {parameter.name: None for parameter in list(signature.parameters.values())[1:]}
        try:
            own.bind(None, **given)
        except TypeError:
            own.bind(None, *given)


def test_a_hosts_error_and_its_trouble_are_for_people() -> None:
    assert str(HostError("Type a prompt.")) == "Type a prompt."
    trouble = Trouble("No model is loaded", "Load one.")
    assert (trouble.title, trouble.advice) == ("No model is loaded", "Load one.")

"""Requests to a vLLM server, or to SGLang, which speaks nearly the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import calls
from ..calls import Call as Call

_RUN_TIME = "--enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 in its environment (in a trusted network alone)"


class VllmError(calls.ServerError):
    """A server that is gone, refuses, or says what none says; the message tells which, for people."""


class RankTooHigh(VllmError):
    """An adapter of a larger rank than the server takes.

    Attributes:
        most: the largest that it takes, if it says so.
    """

    most: int | None = None


class Client(calls.Client):
    """One server. Members as `engines.calls.Client` tells them."""

    kind = "a vLLM server"
    error = VllmError

    def refused(self, status: int, said: str, path: str) -> str:
        """What a refusal means, in a sentence."""
        if status == 404 and path.endswith("load_lora_adapter") and "No adapter found" not in said:
            return f"{self.name} takes no adapters while it runs: start it with {_RUN_TIME}"
        if status == 404 and "does not exist" in said:
            return f"{self.name} has forgotten an adapter (was it started again?): {said}"
        if status == 404 and "No adapter found" in said:
            return (
                f"{self.name} does not see the shared folder: {said}. Tell where the server finds it (seen_as), or "
                "share a folder that both see"
            )
        return super().refused(status, said, path)


@dataclass(frozen=True)
class Dialect:
    """How a kind of server spells what all of them can.

    Attributes:
        name: as people call it.
        load, unload: the paths of both calls.
        join: between the base model's name and an adapter's, in a request; empty where the adapter's name is enough.
    """

    name: str
    load: str
    unload: str
    join: str = ""

    def model(self, base: str, adapter: str) -> str:
        """What a request calls this adapter."""
        return f"{base}{self.join}{adapter}" if self.join else adapter


VLLM = Dialect("vLLM", "/v1/load_lora_adapter", "/v1/unload_lora_adapter")
#: Its answers are JSON with `success` and `error_message`.
SGLANG = Dialect("SGLang", "/load_lora_adapter", "/unload_lora_adapter", ":")


def dialect_of(client: Client) -> Dialect:
    """Which of the two a server speaks, by asking: only vLLM tells a /version.

    Raises:
        VllmError: nobody is there, or the key is wrong.
    """
    try:
        told = client.get("/version")
    except VllmError as error:
        if error.status not in (404, 405):
            raise
    else:
        if isinstance(told, dict) and "version" in told:
            return VLLM
    told = client.get("/get_model_info")
    if isinstance(told, dict) and "model_path" in told:
        return SGLANG
    raise VllmError(f"what listens at {client.url} is neither a vLLM server nor SGLang")


def listed(client: Client) -> list[dict[str, Any]]:
    """The models that a server names: its own, and the adapters beside it.

    Raises:
        VllmError: it does not answer, or names none.
    """
    told = client.get("/v1/models")
    models = told.get("data") if isinstance(told, dict) else None
    if not isinstance(models, list) or not models or not all(isinstance(one, dict) and "id" in one for one in models):
        raise VllmError(f"what listens at {client.url} does not tell its models as a vLLM server does")
    return models

"""Requests to a vLLM server, or to SGLang, which speaks nearly the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import calls
from ..calls import Call as Call

#: What SGLang says of a folder that it does not see: it takes the path for a name on the hub.
_UNSEEN = re.compile("Repo id must be|No such file or directory")
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
        if status in (401, 403) and path.endswith("load_lora_adapter"):
            return f"{self.name} wants another key for adapters: give it its --api-key, or SGLang its --admin-api-key"
        if status == 404 and path.endswith("load_lora_adapter") and "No adapter found" not in said:
            return f"{self.name} takes no adapters while it runs: start it with {_RUN_TIME}"
        if (status == 404 and "does not exist" in said) or (status == 400 and "never been loaded" in said):
            return f"{self.name} has forgotten an adapter (was it started again?): {said}"
        if (status == 404 and "No adapter found" in said) or (status == 400 and _UNSEEN.search(said)):
            return (
                f"{self.name} does not see the shared folder: {said}. Tell where the server finds it (seen_as, "
                "--seen-as), or "
                "share a folder that both see"
            )
        if status in (429, 503):  # SGLang's --max-queued-requests, or what stands before several servers
            return f"{self.name} takes no more at the moment: wait a little, and ask again ({said})"
        return super().refused(status, said, path)


@dataclass(frozen=True)
class Dialect:
    """How a kind of server spells what all of them can.

    Attributes:
        name: as people call it.
        load, unload: the paths of both calls.
        join: between the base model's name and an adapter's, in a request; empty where the adapter's name is enough.
        settings: what it knows of sampling besides what all do, under its own names.
        tied: kinds that it plays as one module: an adapter must have all of them in a layer, or none.
        decoded: under which name it gives back text for tokens, and with what it is asked so that none is left out.
        unloads_idle: whether it unloads an adapter only when no request uses it any more.
        base_in_batches: whether its own model may be asked while a batch has adapters too.
    """

    name: str
    load: str
    unload: str
    join: str = ""
    settings: frozenset[str] = frozenset()
    tied: tuple[tuple[str, ...], ...] = ()
    decoded: str = "prompt"
    decoding: Mapping[str, Any] = field(default_factory=dict)
    unloads_idle: bool = False
    base_in_batches: bool = True

    def model(self, base: str, adapter: str) -> str:
        """What a request calls this adapter."""
        return f"{base}{self.join}{adapter}" if self.join else adapter


_SETTINGS = frozenset(
    {"frequency_penalty", "presence_penalty", "min_tokens", "stop_token_ids", "ignore_eos", "logit_bias"}
)
#: As vLLM 0.32 has it (`CompletionRequest`). On a processor its base model hears the adapter in the last slot where a
#: batch has adapters too, whoever asked for them: `lora/ops/torch_ops/lora_ops.py` takes -1, which stands for none, as
#: an index. It does not tell what it runs on.
VLLM = Dialect(
    "vLLM",
    "/v1/load_lora_adapter",
    "/v1/unload_lora_adapter",
    settings=_SETTINGS | {"bad_words"},
    base_in_batches=False,
)
#: As SGLang 0.5.23 has it: srt/entrypoints/http_server.py, openai/protocol.py, and `normalize_qkv_proj` and
#: `normalize_gate_up_proj` of srt/lora/lora.py, which stack what is tied.
SGLANG = Dialect(
    "SGLang",
    "/load_lora_adapter",
    "/unload_lora_adapter",
    ":",
    settings=_SETTINGS,
    tied=(("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj")),
    decoded="text",
    decoding={"skip_special_tokens": False},
    unloads_idle=True,
)


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
    if "model_path" in model_info(client):
        return SGLANG
    raise VllmError(f"what listens at {client.url} is neither a vLLM server nor SGLang")


def model_info(client: Client) -> dict[str, Any]:
    """What an SGLang server tells of its model, and of where that lies; older ones under an older name.

    Raises:
        VllmError: it tells nothing of the kind.
    """
    return _first(client, "/model_info", "/get_model_info")


def server_info(client: Client) -> dict[str, Any]:
    """How an SGLang server was started.

    Raises:
        VllmError: it does not tell.
    """
    return _first(client, "/server_info", "/get_server_info")


def _first(client: Client, path: str, older: str) -> dict[str, Any]:
    try:
        told = client.get(path)
    except VllmError as error:
        if error.status not in (404, 405):
            raise
        told = client.get(older)
    return told if isinstance(told, dict) else {}


def forgotten(error: VllmError) -> bool:
    """Whether a server refused to unload an adapter because it has none of that name."""
    return error.status == 404 or (error.status == 400 and "does not exist" in error.said)


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

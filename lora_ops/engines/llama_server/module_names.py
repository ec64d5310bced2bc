"""What transformers calls the weights of a GGUF file, where a kind of model has names of its own.

One name of llama.cpp's stands for many of transformers' (`attn_qkv` is `c_attn`, `Wqkv`, `query_key_value` or
`qkv_proj`): a profile made on a PEFT model fits a GGUF adapter only if both call a target alike.
"""

from __future__ import annotations

from collections.abc import Mapping

_GPT2 = {
    "token_embd": "transformer.wte",
    "attn_qkv": "transformer.h.{}.attn.c_attn",
    "attn_output": "transformer.h.{}.attn.c_proj",
    "ffn_up": "transformer.h.{}.mlp.c_fc",
    "ffn_down": "transformer.h.{}.mlp.c_proj",
}
_BLOOM = {
    "token_embd": "transformer.word_embeddings",
    "attn_qkv": "transformer.h.{}.self_attention.query_key_value",
    "attn_output": "transformer.h.{}.self_attention.dense",
    "ffn_up": "transformer.h.{}.mlp.dense_h_to_4h",
    "ffn_down": "transformer.h.{}.mlp.dense_4h_to_h",
}
#: Read from transformers 4.57 and 5.23 (models/*/modeling_*.py); `{}` is the layer. Whatever is not here has the name
#: that most models give it.
_OWN: Mapping[str, Mapping[str, str]] = {
    "gpt2": _GPT2,
    "starcoder": _GPT2,
    "bloom": _BLOOM,
    "falcon": _BLOOM,
    "gptneox": {
        "token_embd": "gpt_neox.embed_in",
        "output": "embed_out",
        "attn_qkv": "gpt_neox.layers.{}.attention.query_key_value",
        "attn_output": "gpt_neox.layers.{}.attention.dense",
        "ffn_up": "gpt_neox.layers.{}.mlp.dense_h_to_4h",
        "ffn_down": "gpt_neox.layers.{}.mlp.dense_4h_to_h",
    },
    "mpt": {
        "token_embd": "transformer.wte",
        "attn_qkv": "transformer.blocks.{}.attn.Wqkv",
        "attn_output": "transformer.blocks.{}.attn.out_proj",
        "ffn_up": "transformer.blocks.{}.ffn.up_proj",
        "ffn_down": "transformer.blocks.{}.ffn.down_proj",
    },
    "phi2": {
        "attn_output": "model.layers.{}.self_attn.dense",
        "ffn_up": "model.layers.{}.mlp.fc1",
        "ffn_down": "model.layers.{}.mlp.fc2",
    },
    "qwen2moe": {
        f"ffn_{kind}_shexp": f"model.layers.{{}}.mlp.shared_expert.{kind}_proj" for kind in ("gate", "up", "down")
    },
    "llama4": {
        "ffn_gate_inp": "model.layers.{}.feed_forward.router",
        **{f"ffn_{kind}": f"model.layers.{{}}.feed_forward.{kind}_proj" for kind in ("gate", "up", "down")},
        **{
            f"ffn_{kind}_shexp": f"model.layers.{{}}.feed_forward.shared_expert.{kind}_proj"
            for kind in ("gate", "up", "down")
        },
    },
    "starcoder2": {"ffn_up": "model.layers.{}.mlp.c_fc", "ffn_down": "model.layers.{}.mlp.c_proj"},
    **dict.fromkeys(("phi3", "chatglm", "glm4"), {"ffn_up": "model.layers.{}.mlp.gate_up_proj"}),
}


def own_name(architecture: str, weight: str) -> str:
    """The name of a module that this kind of model calls otherwise than most; empty where it does not.

    >>> own_name("gpt2", "blk.3.ffn_up")
    'transformer.h.3.mlp.c_fc'

    Args:
        architecture: llama.cpp's name of the kind of model.
        weight: llama.cpp's name of its weight, without ".weight".
    """
    layer, _, stem = weight.removeprefix("blk.").rpartition(".") if weight.startswith("blk.") else ("", "", weight)
    return _OWN.get(architecture, {}).get(stem, "").replace("{}", layer)

"""Eyes for the demo's model: a projector of random weights, in the form that llama.cpp reads (`--mmproj`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

#: How wide the eye's vectors are, and those of SmolLM2-135M; the sides of a picture and of a patch of it, in pixels.
_EYE, _MODEL, _PICTURE, _PATCH = 64, 576, 64, 16
_HEADS, _HIDDEN, _BLOCKS = 2, 128, 2


def write_eyes(path: Path) -> Path:
    """LLaVA's form: a small vision transformer, and two layers into the model's own width."""
    import gguf

    made = gguf.GGUFWriter(path, "clip")
    made.add_bool("clip.has_vision_encoder", True)
    made.add_bool("clip.use_gelu", True)
    made.add_string("clip.projector_type", "mlp")
    sizes = {
        "embedding_length": _EYE, "attention.head_count": _HEADS, "feed_forward_length": _HIDDEN,
        "block_count": _BLOCKS, "projection_dim": _MODEL, "image_size": _PICTURE, "patch_size": _PATCH,
    }  # fmt: skip
    for name, size in sizes.items():
        made.add_uint32(f"clip.vision.{name}", size)
    made.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    for name in ("mean", "std"):
        made.add_array(f"clip.vision.image_{name}", [0.5, 0.5, 0.5])
    dice = np.random.default_rng(0)
    for name, shape in _shapes().items():
        norm = "ln" in name and name.endswith(".weight")
        drawn = np.ones(shape) if norm else dice.standard_normal(shape) * 0.05
        made.add_tensor(name, drawn.astype(np.float32))
    made.write_header_to_file()
    made.write_kv_data_to_file()
    made.write_tensors_to_file()
    made.close()
    return path


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "v.patch_embd.weight": (_EYE, 3, _PATCH, _PATCH),
        "v.position_embd.weight": ((_PICTURE // _PATCH) ** 2, _EYE),
    }
    layers = {"mm.0": (_MODEL, _EYE), "mm.2": (_MODEL, _MODEL)}
    norms = ["v.pre_ln", "v.post_ln"]
    for at in range(_BLOCKS):
        layers |= {f"v.blk.{at}.attn_{part}": (_EYE, _EYE) for part in ("q", "k", "v", "out")}
        layers |= {f"v.blk.{at}.ffn_up": (_HIDDEN, _EYE), f"v.blk.{at}.ffn_down": (_EYE, _HIDDEN)}
        norms += [f"v.blk.{at}.ln1", f"v.blk.{at}.ln2"]
    for name, shape in layers.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in norms:
        shapes |= {f"{name}.weight": (_EYE,), f"{name}.bias": (_EYE,)}
    return shapes


def picture(seed: int) -> bytes:
    """A picture that no other seed has, as a PPM file."""
    pixels = np.random.default_rng(seed).integers(0, 256, (_PICTURE, _PICTURE, 3), dtype=np.uint8)
    return f"P6 {_PICTURE} {_PICTURE} 255\n".encode() + pixels.tobytes()

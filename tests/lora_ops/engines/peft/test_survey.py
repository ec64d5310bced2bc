"""The survey: every adapter and every target is found, with its numbers; what cannot be scaled says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import peft
import pytest
import torch
from helpers import tiny
from helpers.tiny import KINDS, Kind
from peft import LoraConfig, PeftMixedModel, PeftModel, get_peft_model, inject_adapter_in_model
from torch import nn

from lora_mixer.lora_ops import Desk
from lora_mixer.lora_ops.engines.peft.survey import survey


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_of_adapter_is_found_and_can_be_scaled(kind: Kind):
    model = kind.build()
    adapters = survey(model).adapters
    targets = [target for adapter in adapters.values() for target in adapter.targets]
    assert len(targets) == kind.targets
    assert all(target.scalable and not target.reason for target in targets)
    base = model.base_model.model if isinstance(model, PeftModel | PeftMixedModel) else model
    modules = dict(base.named_modules())
    for target in targets:
        assert target.name in modules or target.name.rpartition(".")[0] in modules  # experts are parameters
        assert target.kind == target.name.split(".")[-1]
        assert target.scaling > 0
        assert target.rank in (2, 4, 6, 8)
    assert len({(target.adapter, target.name) for target in targets}) == len(targets)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_looking_changes_nothing(kind: Kind):
    model = kind.build()
    said, before, numbers = tiny.logits(model), tiny.fingerprint(model), tiny.scalings(model)
    Desk(model)
    assert tiny.fingerprint(model) == before
    assert tiny.same_objects(tiny.scalings(model), numbers)
    assert torch.equal(tiny.logits(model), said)


@pytest.mark.parametrize(
    ("kind", "methods"),
    [
        ("LoRA on Linear", ["lora"]),
        ("LoRA on experts (gpt-oss)", ["lora"]),
        ("DoRA on Linear", ["dora"]),
        ("LoHa", ["loha"]),
        ("LoKr", ["lokr"]),
        ("an injected adapter", ["lora"]),
        ("a weighted adapter", ["lora", "lora", "lora"]),
        ("LoRA and LoHa in the same layers", ["lora", "loha"]),
    ],
)
def test_the_method_is_named(kind: str, methods: list[str]):
    model = next(one for one in KINDS if one.name == kind).build()
    assert [adapter.method for adapter in survey(model).adapters.values()] == methods


def numbers(model: Any, adapter: str = "pirate") -> dict[str, tuple[int, float, float]]:
    targets = survey(model).adapters[adapter].targets
    return {target.kind: (target.rank, target.alpha, target.scaling) for target in targets}


def test_rank_alpha_and_scaling_are_those_of_each_target():
    model = tiny.pirate(rank_pattern={"q_proj": 2}, alpha_pattern={"v_proj": 3})
    found = numbers(model)
    assert found["k_proj"] == (4, 8, 2.0)
    assert found["q_proj"] == (2, 8, 4.0)
    assert found["v_proj"] == (4, 3, 0.75)


def test_a_rank_stabilised_adapter_says_so():
    adapter = survey(tiny.pirate(use_rslora=True)).adapters["pirate"]
    assert adapter.rank_stabilised
    assert {target.scaling for target in adapter.targets} == {4.0}
    assert not survey(tiny.pirate()).adapters["pirate"].rank_stabilised


@pytest.mark.parametrize("config", [peft.LoHaConfig, peft.LoKrConfig])
def test_the_alpha_of_lycoris_methods_is_found(config: Any):
    model = tiny.add(tiny.llama(), config(r=2, alpha=5, target_modules=["q_proj"]))
    assert numbers(model) == {"q_proj": (2, 5.0, 2.5)}


def test_the_scaling_is_what_stands_there_and_not_what_the_config_says():
    model = tiny.pirate()
    next(tiny.adapter_layers(model)).set_scale("pirate", 0.3)
    assert survey(model).adapters["pirate"].targets[0].scaling == 0.3 * 8 / 4


def test_targets_come_in_the_order_of_the_model_with_their_layers():
    targets = survey(tiny.pirate(target_modules=["embed_tokens", "down_proj", "q_proj", "lm_head"])).adapters["pirate"]
    assert [(target.name, target.layer) for target in targets.targets] == [
        ("model.embed_tokens", None),
        ("model.layers.0.self_attn.q_proj", 0),
        ("model.layers.0.mlp.down_proj", 0),
        ("model.layers.1.self_attn.q_proj", 1),
        ("model.layers.1.mlp.down_proj", 1),
        ("lm_head", None),
    ]


@pytest.mark.parametrize("kind", [one for one in KINDS if "8-bit" not in one.name and "4-bit" not in one.name], ids=str)
def test_parameters_are_counted_once_and_compared_with_the_base(kind: Kind):
    model = kind.build()
    found = survey(model)
    counted = {
        name: sum({id(p): p.numel() for n, p in model.named_parameters() if f".{name}" in n}.values())
        for name in found.adapters
    }
    assert {name: adapter.parameters for name, adapter in found.adapters.items()} == counted
    base = sum({id(p): p.numel() for p in model.parameters()}.values()) - sum(counted.values())
    assert found.parameters == base
    for adapter in found.adapters.values():
        assert adapter.share == pytest.approx(adapter.parameters / base)


@pytest.mark.parametrize("bits", [8, 4])
def test_a_quantised_base_counts_as_many_parameters_as_a_dense_one(bits: int):
    dense = sum(parameter.numel() for parameter in tiny.llama(hidden_size=64, intermediate_size=128).parameters())
    assert survey(tiny.pirate(tiny.quantised(bits))).parameters == dense


# What cannot be scaled


@dataclass(frozen=True)
class Fixed:
    """An adapter with targets that cannot be scaled.

    Attributes:
        name: of the PEFT method, or LoRA with something.
        config: of the adapter, on a Llama.
        targets: the names of what cannot be scaled.
        reason: a part of why.
    """

    name: str
    config: Callable[[], Any]
    targets: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        return self.name


Q_PROJS = ("model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj")
Q = {"target_modules": ["q_proj"]}
FIXED = [
    Fixed("ia3", lambda: peft.IA3Config(**Q, feedforward_modules=[]), Q_PROJS, "ia3 has no scaling"),
    Fixed("adalora", lambda: peft.AdaLoraConfig(**Q, total_step=9, tinit=1, tfinal=2), Q_PROJS, "adalora has no scal"),
    Fixed("oft", lambda: peft.OFTConfig(**Q, r=0, oft_block_size=4), Q_PROJS, "oft has no scaling"),
    Fixed("boft", lambda: peft.BOFTConfig(**Q, boft_block_size=4), Q_PROJS, "boft has no scaling"),
    Fixed("vera", lambda: peft.VeraConfig(**Q, r=4), Q_PROJS, "vera has no scaling"),
    Fixed("hra", lambda: peft.HRAConfig(**Q, r=4), Q_PROJS, "hra has no scaling"),
    Fixed("randlora", lambda: peft.RandLoraConfig(**Q, r=4), Q_PROJS, "randlora has no scaling"),
    Fixed("fourierft", lambda: peft.FourierFTConfig(**Q, n_frequency=4), Q_PROJS, "fourierft has no scaling"),
    Fixed("vblora", lambda: peft.VBLoRAConfig(**Q, r=4, num_vectors=8, vector_length=4), Q_PROJS, "vblora has no"),
    Fixed("miss", lambda: peft.MissConfig(**Q, r=4), Q_PROJS, "miss has no scaling"),
    Fixed("shira", lambda: peft.ShiraConfig(**Q, r=4), Q_PROJS, "shira has no scaling"),
    Fixed("poly", lambda: peft.PolyConfig(**Q, r=4, n_tasks=1), Q_PROJS, "poly has no scaling"),
    Fixed(
        "ln_tuning",
        lambda: peft.LNTuningConfig(target_modules=["norm"]),
        ("model.norm",),
        "ln_tuning has no scaling",
    ),
    Fixed(
        "trainable_tokens",
        lambda: peft.TrainableTokensConfig(token_indices=[5, 6], target_modules=["embed_tokens"]),
        ("model.embed_tokens",),
        "trainable_tokens has no scaling",
    ),
    Fixed(
        "lora with trainable tokens",
        lambda: tiny.lora(**Q, trainable_token_indices={"embed_tokens": [5, 6]}),
        ("model.embed_tokens",),
        "trainable tokens: rows of the embedding",
    ),
    Fixed(
        "lora with modules_to_save",
        lambda: tiny.lora(**Q, modules_to_save=["lm_head", "embed_tokens"]),
        ("model.embed_tokens", "lm_head"),
        "modules_to_save: a full copy",
    ),
    Fixed(
        "lora of the activated kind",
        lambda: tiny.lora(**Q, alora_invocation_tokens=[5, 6], task_type="CAUSAL_LM"),
        Q_PROJS,
        "a LoRA variant (ALoraLinear)",
    ),
    Fixed(
        "prompt_tuning",
        lambda: peft.PromptTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM"),
        ("prompt_tuning",),
        "prompt_tuning acts on the prompt",
    ),
    Fixed(
        "prefix_tuning",
        lambda: peft.PrefixTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM"),
        ("prefix_tuning",),
        "prefix_tuning acts on the prompt",
    ),
]


@pytest.mark.parametrize("fixed", FIXED, ids=str)
def test_what_cannot_be_scaled_is_listed_with_the_reason(fixed: Fixed):
    desk = Desk(tiny.add(tiny.llama(), fixed.config()))
    adapter = desk.adapters["pirate"]
    assert tuple(target.name for target in adapter.targets if not target.scalable) == fixed.targets
    for target in adapter.targets:
        assert target.scalable is (target.name not in fixed.targets)
        assert (fixed.reason in target.reason) is not target.scalable
    assert adapter.method == fixed.name.split(" ")[0]
    assert adapter.parameters > 0


@pytest.mark.parametrize("fixed", FIXED, ids=str)
def test_a_desk_moves_nothing_that_cannot_be_scaled(fixed: Fixed):
    model = tiny.add(tiny.llama(), fixed.config())
    before = [value.clone() for value in model.state_dict().values()]
    desk = Desk(model)
    fixed_targets = [target for target in desk.adapters["pirate"].targets if not target.scalable]
    with pytest.raises(ValueError, match="no scaling"):
        desk.scaling(fixed_targets[0])
    with pytest.raises(ValueError, match="no target"):
        desk.apply(tiny.mix_of(modules={fixed_targets[0].name: 0.5}))
    desk.apply(desk.base())
    desk.reset()
    assert all(torch.equal(one, other) for one, other in zip(before, model.state_dict().values(), strict=True))


def test_merged_weights_are_listed_with_the_reason_until_they_are_unmerged():
    model = tiny.two()
    model.merge_adapter(["pirate"])
    desk = Desk(model)
    for adapter in desk.adapters.values():
        assert not adapter.scalable
        assert {target.reason for target in adapter.targets} == {
            "pirate is merged into the base weights here: unmerge it, or load the model again"
        }
    model.unmerge_adapter()
    desk.refresh()
    assert [len(adapter.scalable) for adapter in desk.adapters.values()] == [14, 4]


def test_what_only_left_its_name_is_no_adapter():
    model = tiny.two()
    config = model.peft_config["poet"]
    model.delete_adapter("poet")
    model.peft_config["poet"] = config
    desk = Desk(model)
    assert list(desk.adapters) == ["pirate"] and desk.heard() == ["pirate"]
    with pytest.raises(ValueError, match="no adapter 'poet'; it has pirate"):
        desk.apply(tiny.mix_of("poet", master=0.5))
    tiny.add(model, tiny.lora(r=2), "parrot")
    desk.refresh()
    assert list(desk.adapters) == ["pirate", "parrot"]


def test_a_scaling_that_is_no_number_is_listed_with_the_reason():
    model = tiny.pirate()
    next(tiny.adapter_layers(model)).scaling["pirate"] = float("nan")
    targets = Desk(model).adapters["pirate"].targets
    assert "nan" in targets[0].reason
    assert all(target.scalable for target in targets[1:])


def test_layers_of_a_kind_that_is_not_known_to_keep_rows_apart_say_so():
    class Picture(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 3)

    model = get_peft_model(Picture(), LoraConfig(r=2, target_modules=["conv"]), adapter_name="pirate")
    [(target, knob)] = survey(model).knobs
    assert target.scalable
    assert knob.why_no_rows == "it is not known whether a layer of type Conv2d keeps the rows of a batch apart"


# Other ways to carry an adapter


def test_a_model_without_adapters_has_an_empty_desk():
    for model in (tiny.llama(), nn.Linear(2, 2)):
        desk = Desk(model)
        assert desk.adapters == {}
        assert desk.engine.playing.names() == ()
        desk.apply(desk.base())
        desk.reset()
        assert not desk.outdated()


def test_an_adapter_that_was_injected_by_hand_is_found():
    model = inject_adapter_in_model(tiny.lora(), tiny.llama(), adapter_name="pirate")
    assert "pirate" in Desk(model).adapters
    bare = inject_adapter_in_model(LoraConfig(r=2, target_modules=["0"]), nn.Sequential(nn.Linear(2, 2)), "pirate")
    assert [target.name for target in Desk(bare).adapters["pirate"].targets] == ["0"]


def test_an_adapter_without_a_config_is_known_by_its_layers():
    model = inject_adapter_in_model(tiny.lora(), tiny.llama(), adapter_name="pirate")
    del model.peft_config
    adapter = Desk(model).adapters["pirate"]
    assert (adapter.method, len(adapter.scalable)) == ("lora", 14)


@pytest.mark.parametrize("model_type", ["T5", "Bart"])
def test_an_encoder_has_targets_but_no_layers(model_type: str):
    import transformers

    if model_type == "T5":
        config = transformers.T5Config(vocab_size=50, d_model=16, d_kv=4, d_ff=16, num_layers=2, num_heads=4)
        model = transformers.T5ForConditionalGeneration(config)
        adapted = tiny.pirate(model, target_modules=["q", "v"])
    else:
        sizes = {f"{part}_{name}": 2 for part in ("encoder", "decoder") for name in ("layers", "attention_heads")}
        config = transformers.BartConfig(
            vocab_size=50, d_model=16, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=32, **sizes
        )
        adapted = tiny.pirate(transformers.BartForConditionalGeneration(config), target_modules=["q_proj", "v_proj"])
    targets = survey(adapted).adapters["pirate"].targets
    assert {target.layer for target in targets if "encoder." in target.name} == {None}
    assert {target.layer for target in targets if "decoder." in target.name} == {0, 1}


def test_the_vision_tower_of_a_multimodal_model_has_no_layers():
    import transformers

    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**vision, "vocab_size": 50, "num_key_value_heads": 2}
    model = transformers.LlavaForConditionalGeneration(
        transformers.LlavaConfig(
            vision_config=transformers.CLIPVisionConfig(**vision, image_size=8, patch_size=4),
            text_config=transformers.LlamaConfig(**text),
        )
    )
    targets = survey(tiny.pirate(model, target_modules=["q_proj", "linear_1"])).adapters["pirate"].targets
    seen = {(("vision" in target.name, "projector" in target.name), target.layer) for target in targets}
    assert seen == {((True, False), None), ((False, True), None), ((False, False), 0), ((False, False), 1)}

"""One prepared run on a machine with a GPU, in ten minutes: `python3 run.py --inside bench.on_gpu --out gpu.md`.

It needs torch and transformers there and nothing from a network: packages that are missing are carried along as wheels
(`--wheel peft.whl --wheel pydantic.whl …`, installed without what they need into a folder that goes again), and the
model is made on the spot, in the shape of Llama 3.2 1B with random weights. So it tells what things cost, and whether
gains are exact; what a model says it does not. Without a GPU it runs on the processor, where `--quick` shows that it
works. Its table has the card's name: it belongs into RESULTS.md under that, and nowhere without.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

#: hidden, feed-forward, layers, heads, heads of keys, words
_LLAMA_1B = (2048, 8192, 16, 32, 8, 128_256)
_TINY = (64, 128, 2, 4, 2, 256)
_ADAPTER, _RANK = "loud", 16
_KINDS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_COLUMNS = (1, 2, 4, 8, 16)


def main(argv: Sequence[str]) -> int:
    """Measures what there is time for, prints a table, and keeps it where `--out` says; 1 where a part failed."""
    options = _parser().parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="lora-mixer-gpu-") as scratch:
        _carry(options.wheel, Path(scratch) / "carried")
        text, failed = _measured(options, Path(scratch))
    print(f"\n{text}", flush=True)
    if options.out is not None:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.on_gpu", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tiny model: only see whether everything works")
    parser.add_argument("--wheel", type=Path, action="append", default=[], metavar="FILE", help="a package to carry")
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the table here")
    parser.add_argument("--minutes", type=float, default=8.0, help="no part begins after that")
    return parser


def _carry(wheels: Sequence[Path], folder: Path) -> None:
    if wheels:
        install = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", str(folder)]
        subprocess.run([*install, *map(str, wheels)], check=True)
        sys.path.insert(0, str(folder))


def _measured(options: argparse.Namespace, scratch: Path) -> tuple[str, bool]:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    card = torch.cuda.get_device_name() if device == "cuda" else "a processor, without a GPU"
    shape = _TINY if options.quick else _LLAMA_1B
    rows: list[tuple[str, str, str]] = []
    failed = False
    until = time.monotonic() + 60 * options.minutes
    for kind in ("bfloat16", "4 bits"):
        try:
            model = _model(shape, kind, device, scratch)
        except Exception as error:
            rows.append((kind, "the model", f"not here: {type(error).__name__}: {str(error)[:120]}"))
            continue
        trial = _Trial(model, device, options.quick)
        for name, part in trial.parts():
            if time.monotonic() > until:
                rows.append((kind, name, "no time was left"))
                continue
            print(f"… {kind}: {name}", file=sys.stderr, flush=True)
            try:
                rows += [(kind, what, found) for what, found in part()]
            except Exception as error:
                traceback.print_exc()
                failed = True
                rows.append((kind, name, f"failed: {type(error).__name__}: {str(error)[:120]}"))
        del trial, model
        if device == "cuda":
            torch.cuda.empty_cache()
    return _table(card, shape, options.quick, rows), failed


def _model(shape: Sequence[int], kind: str, device: str, scratch: Path) -> Any:
    """A Llama of random weights, with a rank-16 adapter on all linear layers."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

    hidden, inner, layers, heads, key_heads, words = shape
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        vocab_size=words,
        tie_word_embeddings=True,
        pad_token_id=0,
    )
    with torch.device(device):
        model: Any = LlamaForCausalLM(config).to(torch.bfloat16)
    if kind == "4 bits":
        import bitsandbytes  # noqa: F401  (else transformers would say so after the model has been written)

        model.save_pretrained(scratch / "base")
        packed = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=torch.bfloat16, bnb_4bit_quant_type="nf4")
        model = AutoModelForCausalLM.from_pretrained(
            scratch / "base", quantization_config=packed, dtype=torch.bfloat16, device_map=device
        )
    asked = LoraConfig(r=_RANK, lora_alpha=_RANK, target_modules=list(_KINDS), task_type="CAUSAL_LM")
    model = get_peft_model(model, asked, adapter_name=_ADAPTER).eval()
    for name, weight in model.named_parameters():
        if "lora_B" in name:  # as made it is zero: nothing to hear
            torch.nn.init.normal_(weight, std=0.01)
    return model


class _Numbers:
    """Stands for a tokenizer: the model's words mean nothing."""

    eos_token_id = None
    all_special_ids: Sequence[int] = ()

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        return [int(word) for word in text.split()]

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        return " ".join(str(int(id)) for id in token_ids)


class _Trial:
    """What is measured on one model."""

    def __init__(self, model: Any, device: str, quick: bool) -> None:
        import torch

        from ..lora_ops import Desk

        self._torch, self._model, self._device, self._quick = torch, model, device, quick
        self._desk = Desk(model)
        dice = torch.Generator().manual_seed(1)
        words = int(model.config.vocab_size)
        self._ids = torch.randint(3, words, (1, 8 if quick else 64), generator=dice).to(device)
        self._tokens = 4 if quick else 64
        self._columns = _COLUMNS[:3] if quick else _COLUMNS

    def parts(self) -> list[tuple[str, Callable[[], Iterator[tuple[str, str]]]]]:
        """Their names, and what measures each: pairs of what and how much."""
        return [
            ("exactness", self._exact),
            ("apply", self._apply),
            ("columns", self._in_columns),
            ("spectrum", self._spectrum),
            ("impact", self._impact),
            ("a step of learning", self._learn),
        ]

    def _exact(self) -> Iterator[tuple[str, str]]:
        desk, torch = self._desk, self._torch
        loaded = self._logits()
        with self._model.disable_adapter():
            base = self._logits()
        desk.apply(desk.base())
        silent = self._logits()
        desk.reset()
        yield "gain 0 against the base model, largest difference of logits", f"{(silent - base).abs().max():.3g}"
        yield "as loaded again, bit for bit", "yes" if torch.equal(self._logits(), loaded) else "**no**"
        yield "what the adapter changes, largest difference of logits", f"{(loaded - base).abs().max():.3g}"

    def _apply(self) -> Iterator[tuple[str, str]]:
        from ..lora_ops import Faders, Mix

        mixes = [Mix({_ADAPTER: Faders(master=0.5 + at / 100)}) for at in range(20)]
        self._desk.apply(mixes[-1])
        took = [self._seconds(lambda mix=mix: self._desk.apply(mix)) for mix in mixes]  # type: ignore[misc]
        self._desk.reset()
        count = len(self._desk.adapters[_ADAPTER].targets)
        yield f"another gain on {count} targets, `desk.apply`", f"{1e3 * median(took):.3f} ms"

    def _in_columns(self) -> Iterator[tuple[str, str]]:
        self._say(range(2), True)  # whether rows can be kept apart is found out once
        alone = [self._say([at], True) for at in range(max(self._columns))]
        one = median(took for took, _ in alone)
        yield f"one column of {self._tokens} greedy tokens", f"{one:.2f} s"
        for count in self._columns[1:]:
            took, said = self._say(range(count), True)
            same = sum(
                a == b for row, (_, own) in zip(said, alone, strict=False) for a, b in zip(row, own[0], strict=True)
            )
            yield (
                f"{count} columns in one batch",
                f"{took:.2f} s, {took / one:.2f} times one; {same / (count * self._tokens):.1%} of the tokens as alone",
            )
        eight = max(count for count in self._columns if count <= 8)
        yield f"{eight} columns one after the other", f"{sum(took for took, _ in alone[:eight]):.2f} s"

    def _spectrum(self) -> Iterator[tuple[str, str]]:
        from ..lora_ops import spectrum

        yield "the spectrum of all targets", f"{self._seconds(lambda: spectrum(self._desk)):.2f} s"

    def _impact(self) -> Iterator[tuple[str, str]]:
        from ..lora_ops import estimate_impact, impact

        a_pass = median(self._seconds(self._logits) for _ in range(5))
        exact: dict[str, float] = {}
        took = self._seconds(lambda: exact.update(impact(self._desk, self._ids, parts=["target"]).targets[_ADAPTER]))
        yield (
            f"impact of {len(exact)} targets on {self._ids.shape[1]} tokens",
            f"{took:.2f} s, {took / a_pass:.0f} passes",
        )
        took = self._seconds(lambda: estimate_impact(self._desk, self._ids, probes=16))
        yield "the same estimated with 16 probes", f"{took:.2f} s"

    def _learn(self) -> Iterator[tuple[str, str]]:
        from ..lora_ops import Mix
        from ..lora_ops.engines.lesson import Lesson
        from ..lora_ops.engines.peft.aims import Likely
        from ..lora_ops.engines.peft.engine import peft_engine
        from ..lora_ops.engines.peft.pupil import Pupil

        ids = self._ids[0].tolist()
        lessons = [Lesson(tuple(ids[:4]), tuple(ids[4:][at:] + ids[4:][:at])) for at in range(4 if self._quick else 20)]
        targets = self._desk.adapters[_ADAPTER].scalable
        pupil, gains = Pupil(peft_engine(self._desk), targets, Mix(), self._desk.rows), [1.0] * len(targets)
        aim = Likely(lessons)
        for work in (pupil.loss, pupil.slope):
            work(aim, gains)
        plain = median(self._seconds(lambda: pupil.loss(aim, gains)) for _ in range(3))
        step = median(self._seconds(lambda: pupil.slope(aim, gains)) for _ in range(3))
        yield f"a step of learning on {len(lessons)} examples", f"{step:.2f} s, {step / plain:.1f} times a plain pass"

    def _say(self, gains: Sequence[int], batched: bool) -> tuple[float, list[tuple[int, ...]]]:
        from ..lora_ops import Column, Faders, Mix, compare
        from .generating import full_length

        columns = [Column(f"{at}", Mix({_ADAPTER: Faders(master=at / 8)})) for at in gains]
        settings = full_length(self._tokens)
        run = compare(self._desk, _Numbers(), self._ids, columns, seed=7, generation=settings, batched=batched)

        def through() -> None:
            for _ in run:
                pass

        took = self._seconds(through)
        assert len(columns) == 1 or run.result.batched, run.result.why_not_batched
        return took, [column.token_ids for column in run.result.columns]

    def _logits(self) -> Any:
        with self._torch.no_grad():
            return self._model(input_ids=self._ids).logits.float()

    def _seconds(self, work: Callable[[], Any]) -> float:
        self._wait()
        began = time.perf_counter()
        work()
        self._wait()
        return time.perf_counter() - began

    def _wait(self) -> None:
        if self._device == "cuda":
            self._torch.cuda.synchronize()


def _table(card: str, shape: Sequence[int], quick: bool, rows: Sequence[tuple[str, str, str]]) -> str:
    from .report import Table

    names = ("torch", "transformers", "peft", "bitsandbytes")
    hidden, inner, layers, *_ = shape
    warning = "\n\n**A quick run, which only sees whether everything works: its numbers mean little.**" if quick else ""
    about = (
        f"A Llama of random weights: {layers} layers, {hidden} wide, {inner} in the feed-forward part, a "
        f"rank-{_RANK} adapter on all {7 * layers} linear layers. "
        + ", ".join(f"{name} {_version(name)}" for name in names)
        + ". Each number was measured in one run; times are medians where a thing was done several times."
    )
    return f"## On {card}{warning}\n\n{about}\n\n{Table(('weights', 'what', 'measured'), rows, left=3).markdown()}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Many desks on one server, simulated: from what was measured here, and from bytes and bandwidths for larger ones."""

from __future__ import annotations

from collections.abc import Sequence

from .clock import Series
from .desks import Desks, Seen
from .report import Section, Table
from .served import Costs, Machine, Played, llama_shapes
from .workshop import Workshop

TITLE = "Many desks on one server, simulated"
ABOUT = """\
Nothing here ran on those machines: `bench/desks.py` plays people who think for 20 s, move a fader and ask for 80
tokens (a quarter of the times for four columns; three times of ten they move a fader in the middle), on a server with
vLLM's rules, for {minutes:g} minutes. A wait is from the settled move to the first token under it: writing, loading,
waiting for a place among `--max-loras`, reading the prompt again. Costs are lower bounds from bytes and bandwidths:
the weights from the cards' memory once a token, the adapter's files from the shared folder once to write and once to
load. What the first server needs was measured, see "On a vLLM server", but for one thing: bringing back an adapter
that it holds and does not play is counted as nothing there, since it is one copy in the same memory."""

#: SmolLM2-135M on vLLM 0.32, float32, on two cores, in seconds, by `bench/RESULTS.md`: 64 tokens of one column and of
#: eight (each with an adapter of its own: `row` holds both), a mix written, then loaded, and a token of a prompt.
TRIED = Costs(step=0.0827, row=0.0098, adapter=0.0, write=0.035, load=0.028, activate=0.0, read=0.00124)
SMALL = Played("8B, rank 16", 8.0e9, 32, llama_shapes(4096, 1024, 14336), 16)
LARGE = Played("70B, rank 64", 70.6e9, 80, llama_shapes(8192, 1024, 28672), 64)
#: NVIDIA's data sheet for the H100 SXM: 3.35 TB/s of memory, 989 TFLOPS dense in bfloat16, of which 40 % are counted;
#: PCIe 5.0 x16 at half of its 64 GB/s. Files: 10 Gb/s Ethernet, 100 Gb/s, and a disk in memory.
_CARD = {"memory": 3.35e12, "flops": 4.0e14, "link": 3.2e10}
ONE = Machine("1 H100, files at 1.25 GB/s", 1, files=1.25e9, **_CARD)
SLOW = Machine("8 H100, files at 1.25 GB/s", 8, files=1.25e9, **_CARD)
FAST = Machine("8 H100, files at 12.5 GB/s", 8, files=12.5e9, **_CARD)


def measure(shop: Workshop) -> Section:
    """One fader's bytes and seconds, and what becomes of them when many play."""
    minutes = shop.pick(30, 2)
    servers = [
        ("135M, rank 16, on this machine", TRIED),
        (f"{SMALL.name}, {ONE.name}", Costs.of(SMALL, ONE)),
        (f"{LARGE.name}, {SLOW.name}", Costs.of(LARGE, SLOW)),
        (f"{LARGE.name}, {FAST.name}", Costs.of(LARGE, FAST)),
    ]
    shop.say(f"{minutes} minutes of 1 to 64 desks on {len(servers)} servers")
    rows = [
        _row(name, desks, loras, Desks(desks, costs, loras, kept=4 * loras).run(60 * minutes))
        for name, costs in servers
        for desks in shop.pick((1, 4, 16, 64), (1, 4))
        for loras in (8, 32)
    ]
    head = (
        "server", "desks", "`--max-loras`", "moves a minute", "loads", "displaced", "read again", "median wait",
        "95 % wait", "columns, median", "time spent loading",
    )  # fmt: skip
    return Section(TITLE, ABOUT.format(minutes=minutes), [_costs(servers), Table(head, rows)])


def _costs(servers: Sequence[tuple[str, Costs]]) -> Table:
    """What one move costs each server."""
    sizes = {SMALL.name: SMALL, LARGE.name: LARGE}
    rows = []
    for name, costs in servers:
        played = next((one for of, one in sizes.items() if name.startswith(of)), None)
        size = f"{played.adapter_bytes / 1e6:,.0f} MB" if played else "20 MB"
        rows.append((name, size, *(f"{1000 * one:,.3g} ms" for one in (costs.write, costs.load, costs.step))))
    return Table(("server", "an adapter", "written in", "loaded in", "a token"), rows)


def _row(name: str, desks: int, loras: int, seen: Seen) -> tuple[str, ...]:
    minutes = seen.seconds / 60
    counts = (seen.moves, seen.loads, seen.displaced, seen.again)
    return (
        name,
        str(desks),
        str(loras),
        *(f"{count / minutes:.1f}" for count in counts),
        *(_seconds(seen.waits, percent) for percent in (50, 95)),
        _seconds(seen.comparisons, 50),
        f"{min(1.0, seen.loading / seen.seconds):.0%}",
    )


def _seconds(waits: Sequence[float], percent: int) -> str:
    return f"{Series(tuple(waits)).percentile(percent):.3g} s" if waits else "–"

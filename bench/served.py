"""What a fader costs on a server, in bytes and seconds: of a model and an adapter from their shapes, of a machine from
its bandwidths. The numbers are lower bounds: nothing waits for anything but bytes."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 2**30
#: (rows, columns) of every weight that an adapter adapts, per layer.
Shapes = tuple[tuple[int, int], ...]


def llama_shapes(hidden: int, key_value: int, inner: int) -> Shapes:
    """The seven linear weights of a Llama block."""
    return (
        (hidden, hidden), (key_value, hidden), (key_value, hidden), (hidden, hidden),
        (inner, hidden), (inner, hidden), (hidden, inner),
    )  # fmt: skip


@dataclass(frozen=True)
class Played:
    """A model with an adapter of one rank on all of its linear weights.

    Attributes:
        name: for people.
        parameters: of the model.
        layers: how many blocks it has.
        shapes: of the weights of one block.
        rank: of the adapter.
        width: bytes for a number, of both.
    """

    name: str
    parameters: float
    layers: int
    shapes: Shapes
    rank: int
    width: int = 2

    @property
    def adapter_bytes(self) -> int:
        """Of A and B of every target."""
        return self.width * self.rank * self.layers * sum(rows + columns for rows, columns in self.shapes)

    @property
    def faders(self) -> int:
        """How many targets there are."""
        return self.layers * len(self.shapes)


@dataclass(frozen=True)
class Machine:
    """Accelerators that share one model (tensor parallel), and where they get an adapter's files from.

    Attributes:
        name: for people.
        cards: how many.
        memory: bytes a second that each reads of its own memory.
        flops: that each really does, in a second, on long prompts.
        link: bytes a second from the host's memory to each.
        files: bytes a second from the shared folder, to the whole machine.
    """

    name: str
    cards: int
    memory: float
    flops: float
    link: float
    files: float


@dataclass(frozen=True)
class Costs:
    """What a server needs, in seconds; `of` works it out, or it is measured.

    Attributes:
        step: a token for one request.
        row: more for each further request in the batch.
        adapter: more for each further adapter in the batch.
        write: a mix, by the desk, into the shared folder.
        load: a mix, by the server; it generates nothing meanwhile.
        activate: a mix that the host's memory holds, onto the cards.
        read: a token of a prompt.
    """

    step: float
    row: float
    adapter: float
    write: float
    load: float
    activate: float
    read: float

    @classmethod
    def of(cls, played: Played, machine: Machine) -> Costs:
        """From bytes and bandwidths. Every card reads the whole file and keeps its part, as vLLM's workers do."""
        part = played.adapter_bytes / machine.cards
        return cls(
            step=played.parameters * played.width / machine.cards / machine.memory,
            row=0.0,  # as long as the batch is bound by the memory that the weights come from
            adapter=part / machine.memory,
            write=played.adapter_bytes / machine.files,
            load=played.adapter_bytes / machine.files + part / machine.link,
            activate=part / machine.link,
            read=2 * played.parameters / (machine.cards * machine.flops),
        )

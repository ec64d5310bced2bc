"""Where learning happens: the model, the faders, and what stops it; what cannot be learned is refused here."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ..desk import Desk
from ..mix import Mix
from ..optional_packages import needed
from .dials import Dials, levels_of

if TYPE_CHECKING:
    from ..engines.peft.pupil import Pupil


class Room:
    """A desk to learn at.

    Raises:
        ValueError: something cannot be learned here, or over what was asked; the message says what, and why.
        MissingPackage: SciPy is not installed.
    """

    def __init__(
        self,
        desk: Desk,
        mix: Mix | None,
        adapters: Sequence[str] | None,
        over: Any,
        bounds: tuple[float, float],
        locked: bool,
    ) -> None:
        if reason := desk.engine.why_not("learn"):
            raise ValueError(reason)
        needed("scipy.optimize", "learning")  # before anything is read
        from ..engines.peft.engine import peft_engine
        from ..engines.peft.pupil import Pupil

        self.mix = desk.mix if mix is None else mix
        desk.check(self.mix)
        for name, faders in self.mix.adapters.items():
            if faders.on and faders.fading:
                raise ValueError(
                    f"{'faders fade' if faders.fades else 'the crossfade moves'} over a reply in adapter {name!r}, and "
                    "learning finds where faders stand still: have them stand first"
                )
        self.stopped = threading.Event()
        heard = desk.heard(self.mix)
        names = heard if adapters is None else list(dict.fromkeys(adapters))
        desk.check_adapters(names)
        if not names:
            raise ValueError("no adapter is heard, so that there is nothing to learn over: load one, or switch one on")
        if silent := [name for name in names if name not in heard]:
            raise ValueError(f"adapter {silent[0]!r} is not heard: switch it on to learn over its faders")
        targets = [target for name in names for target in desk.adapters[name].scalable]
        if not targets:
            raise ValueError(f"nothing of {', '.join(names)} can be scaled: there is nothing to learn over")
        engine = peft_engine(desk)
        from ..engines.peft.gradients import why_no_gradient

        for target in targets:
            if reason := why_no_gradient(engine, target):
                raise ValueError(f"no gradient reaches {target.name} of {target.adapter!r}: {reason}")
        self.targets = targets
        self.levels = [Dials(faders, targets, self.mix, bounds) for faders in levels_of(desk, names, over)]
        self.pupil: Pupil = Pupil(
            engine, targets, self.mix, partial(desk.rows, cancelled=self.stopped.is_set, locked=locked)
        )

    def gains(self, mix: Mix) -> list[float]:
        """Of each target under a mix."""
        return [mix.gain(target) for target in self.targets]

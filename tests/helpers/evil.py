"""An experiment in which every text wants to be a script."""

from __future__ import annotations

from lora_mixer.lora_ops import (
    ColumnRecord,
    Fade,
    Faders,
    MessageRecord,
    Mix,
    Record,
    ReplyRecord,
    ScoresRecord,
    TrialRecord,
    Vote,
)

EVIL = "<script>alert(1)</script>"


def evil() -> Record:
    """An experiment in which every text wants to be a script."""
    said = (ReplyRecord(EVIL, (1, 2)), ReplyRecord(f"</div>{EVIL}", (1, 3), "length", 2.0))
    scores = ScoresRecord(
        perplexity=((1.5, 9.0), (20.0, 1.25)),
        divergence=((0.0, 2.0), (0.5, 0.0)),
        logprobs=(((-0.1, -9.0), (-2.0, -3.0)), ((-1.0, -1.0), (-0.1, -0.2))),
        pieces=(("<script>", "alert(1)</script>"), ("</div>", EVIL)),
    )
    messages = (MessageRecord("system", EVIL), MessageRecord(f'"{EVIL}', EVIL))
    return Record(
        model=EVIL,
        host=EVIL,
        columns=(
            ColumnRecord(EVIL, Mix({EVIL: Faders(kinds={EVIL: 0.5}, fades={f"target:{EVIL}": Fade(((0, 1.0),))})})),
            ColumnRecord(f'"><img src=x onerror="alert(1)">{EVIL}', Mix()),
        ),
        settings={EVIL: [EVIL], "javascript:alert(1)": 1},
        trials=(TrialRecord(EVIL, 0, said, 0, EVIL, messages, 1.0, EVIL, scores), TrialRecord(EVIL, 1, said, 1)),
        votes=(Vote(0, 0, 1, "left"),),
    )

"""Goes on with a session that was interrupted: what it was to ask is kept with it, and what is missing is generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...hosts.protocol import HostError
from ...lora_ops.engines.sampling import Sampling
from ..lab.ask import MANY, Wish, questions
from ..lab.asked import Asked
from ..lab.grow_replies import begin, sampling_of
from ..lab.sheet import Line, Row, Sheet

if TYPE_CHECKING:
    from ...hosts.protocol import Host
    from ...lora_ops import Desk, Experiment, Record
    from ..page.experiments import Experiments
    from ..page.studio import Studio

#: Among the settings of an experiment: what a session was to ask.
PLAN = "session"


@dataclass(frozen=True)
class Plan:
    """What a session was to ask.

    Attributes:
        prompts: as they stood in the text box.
        seeds: that each of them is asked under.
        stop_strings: texts that end a reply.
        trials: how many that makes.
    """

    prompts: str
    seeds: tuple[int, ...]
    stop_strings: tuple[str, ...]
    trials: int

    @classmethod
    def made(cls, wish: Wish, asked: Sequence[Asked], seeds: Sequence[int]) -> dict[str, Any]:
        """What is kept among the settings of a session that begins; nothing if its questions come from elsewhere."""
        if wish.source != MANY:
            return {}
        stops = list(asked[0].stop_strings)
        trials = len(asked) * len(seeds)
        return {PLAN: {"prompts": wish.text, "seeds": list(seeds), "stop_strings": stops, "trials": trials}}

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Plan | None:
        """The plan that was kept; None if there is none, or it is not understood."""
        try:
            told = settings[PLAN]
            seeds, stops = (tuple(told[name]) for name in ("seeds", "stop_strings"))
            plan = cls(str(told["prompts"]), tuple(map(int, seeds)), tuple(map(str, stops)), int(told["trials"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        return plan if plan.seeds else None


def planned(settings: Mapping[str, Any]) -> int:
    """How many trials an experiment was to have; 0 if that is not known."""
    plan = Plan.of(settings)
    return plan.trials if plan is not None else 0


def missing(console: Studio, record: Record, id: int, values: Sequence[Any]) -> tuple[Sheet, Experiment]:
    """What a session has still to ask, as a sheet that adds to what is kept of it, and the run that fills it.

    It is asked under the mixes, seeds and settings of generation that the session began with.

    Args:
        console: whose model is asked.
        record: what is kept of the session.
        id: its number.
        values: of the host's `chat_inputs()`.

    Raises:
        HostError, ValueError: model, adapters or chat are not those that it began with; the message says what differs.
    """
    try:
        return _missing(console, record, id, values)
    except (HostError, ValueError) as error:
        raise ValueError(f"the replies that are missing cannot be generated: {error}") from error


def _missing(console: Studio, record: Record, id: int, values: Sequence[Any]) -> tuple[Sheet, Experiment]:
    from ...lora_ops import Column

    plan, desk = Plan.of(record.settings), console.desk()
    if plan is None:
        raise ValueError("what was to be asked is not known")
    if desk is None:
        raise HostError("there is no adapter to mix")
    _check_model(console.host, console.experiments, desk, record)
    asked = questions(console.host, Wish(MANY, plan.prompts, len(plan.seeds)), values)
    settings = _settings(record, sampling_of(asked).to_dict())
    asked = [_as_begun(one, settings, plan) for one in asked]
    _check_prompts(record, asked)
    done = {(trial.question, trial.seed): at for at, trial in enumerate(record.trials)}
    left = [at for at in range(len(asked)) if any((at, seed) not in done for seed in plan.seeds)]
    rows = [(at, seed) for at in left for seed in plan.seeds]
    sheet = Sheet(
        columns=tuple(Column(one.label, one.mix) for one in record.columns),
        rows=tuple(Row(asked[at], seed, at) for at, seed in rows),
        limit=settings.get("max_new_tokens"),
        line=Line("Waiting for the model …", running=True),
        record=record,
        kept=id,
        # A question some of whose seeds are there is asked again with all of them; those are not kept twice.
        places={at: done[row] for at, row in enumerate(rows) if row in done},
    )
    return sheet, begin(console.host, desk, sheet, [asked[at] for at in left], plan.seeds, batched=True)


def _check_model(host: Host, experiments: Experiments, desk: Desk, record: Record) -> None:
    if host.model_name != record.model:
        raise ValueError(f"it began with {record.model}, and {host.model_name or 'nothing'} is loaded now")
    for column in record.columns:
        desk.check(column.mix)
    now = {one.name: one.hash for one in experiments.hashed(record.adapters)}
    for was in record.adapters:
        if was.name not in desk.adapters:
            raise ValueError(f"the adapter {was.name} is not loaded now")
        if was.hash and now[was.name] and was.hash != now[was.name]:
            raise ValueError(f"the adapter {was.name} is another one than it began with")


def _settings(record: Record, now: dict[str, Any]) -> dict[str, Any]:
    """Those that it began with; of what no file can hold, that of now."""
    from ...lora_ops.results.fields import plain_settings

    plain = plain_settings(now)
    return {
        name: record.settings[name] if name in record.settings and plain[name] == value else value
        for name, value in now.items()
    }


def _as_begun(asked: Asked, settings: dict[str, Any], plan: Plan) -> Asked:
    request = replace(asked.request, sampling=Sampling.of(settings), stop_strings=plan.stop_strings)
    return Asked.of(asked.label, request, asked.messages)


def _check_prompts(record: Record, asked: Sequence[Asked]) -> None:
    for trial in record.trials:
        if trial.question >= len(asked) or asked[trial.question].prompt != trial.prompt:
            raise ValueError(
                "the chat makes another prompt of the same question now. Set its system message and its template "
                "as they were"
            )

"""An experiment as a file to keep and share: a page that needs nothing else, a spreadsheet, or JSONL."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from ..optional_packages import MissingPackage, needed
from .jsonl import from_jsonl, to_jsonl
from .page import Page
from .record import Record, TrialRecord
from .tally import Tally, tally

__all__ = ["from_jsonl", "to_csv", "to_html", "to_jsonl"]

TEMPLATES = Path(__file__).resolve().parent / "templates"

#: What makes a spreadsheet take a text for a formula, in full width too, whatever blank or invisible stands before it.
_FORMULA = re.compile(r"[\s\x00-\x1f\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠]|[\t\r]")
_CSV_FIELDS = (
    "experiment", "time", "model", "trial", "question", "asked", "prompt", "seed", "column", "label", "mix", "reply",
    "tokens", "seconds", "finish", "perplexity", "won", "lost", "tied", "both bad",
)  # fmt: skip


def to_html(record: Record, charts_html: str = "", reference: int = 0) -> str:
    """An experiment as one page that opens without a network: replies side by side, what differs marked, votes.

    Whatever a model, a file or a user wrote is escaped, and the page's own policy lets a browser run no script but
    those in `charts_html`, and fetch nothing.

    Args:
        record: what to show.
        charts_html: HTML with scripts inside, of our own making; it is not escaped.
        reference: the column that the others are compared with, from 0.

    Raises:
        ValueError: there is no such column.
        MissingPackage: Jinja is not installed.
    """
    if not 0 <= reference < len(record.columns):
        raise ValueError(f"there is no column {reference}: the experiment has {len(record.columns)}, counted from 0")
    jinja2 = needed("jinja2", "exporting a page")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    votes, votes_problem = _tally(record)
    template = environment.get_template("experiment.html")
    return str(
        template.render(
            page=Page(record, reference, votes, votes_problem),
            charts=charts_html,
            policy=_policy(charts_html),
        )
    )


def to_csv(record: Record) -> str:
    """An experiment as a table for spreadsheets: a line for each reply.

    It begins with the mark by which spreadsheets know UTF-8. A text that a spreadsheet would run as a formula gets an
    apostrophe in front: use JSONL for what is to be read back.
    """
    file = io.StringIO()
    file.write("\ufeff")
    writer = csv.writer(file)
    writer.writerow(_CSV_FIELDS)
    for number, trial in enumerate(record.trials):
        for column in range(len(record.columns)):
            writer.writerow([_cell(value) for value in _csv_line(record, number, trial, column)])
    return file.getvalue()


def _csv_line(record: Record, number: int, trial: TrialRecord, column: int) -> Sequence[Any]:
    reply, heard = trial.replies[column], record.columns[column]
    return (
        record.uid,
        record.time.isoformat(),
        record.model,
        number + 1,
        trial.question + 1,
        trial.label or trial.prompt,
        trial.prompt,
        trial.seed,
        column + 1,
        heard.label,
        json.dumps(heard.mix.to_dict(), sort_keys=True),
        reply.text,
        len(reply.token_ids),
        round(reply.seconds, 3),
        reply.finish,
        "" if trial.scores is None else round(trial.scores.perplexity[column][column], 4),
        *_won(record, number, column),
    )


def _won(record: Record, trial: int, column: int) -> tuple[int, int, int, int]:
    """How often the votes on this trial found this column better, worse, as good, and both bad."""
    won = lost = tied = bad = 0
    for vote in record.votes:
        if vote.trial != trial or column not in (vote.left, vote.right):
            continue
        won += vote.verdict == ("left" if column == vote.left else "right")
        lost += vote.verdict == ("right" if column == vote.left else "left")
        tied += vote.verdict == "tie"
        bad += vote.verdict == "bad"
    return won, lost, tied, bad


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.replace("\0", "\ufffd")
    return f"'{text}" if _FORMULA.match(text) else text


def _tally(record: Record) -> tuple[Tally, str]:
    """What the votes add up to, or why that is not known: the page is worth having without it."""
    if not record.votes:
        return Tally(), ""
    try:
        return tally(record.duels), ""
    except MissingPackage as missing:
        return Tally(), str(missing)


def _policy(charts_html: str) -> str:
    """A Content-Security-Policy under which nothing is fetched, and no script runs but the charts' own."""
    scripts = _Scripts()
    scripts.feed(charts_html)
    scripts.close()
    hashes = (hashlib.sha256(script.encode("utf-8")).digest() for script in scripts.found)
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode('ascii')}'" for digest in hashes) or "'none'"
    return f"default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src {allowed}"


class _Scripts(HTMLParser):
    """Collects what stands in script elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._inside = tag == "script"
        if self._inside:
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data

"""What the lab measures of replies, also of an experiment that was read back from a file."""

from __future__ import annotations

from helpers.compared import compared, read_back

from lora_mixer.ui.lab.reply_scores import measure, tables
from lora_mixer.ui.page.studio import Studio


def test_what_was_read_from_a_file_is_measured_like_what_was_just_said(console: Studio) -> None:
    sheet = compared(console, "Ahoy there\nWho goes?")
    again = read_back(console, sheet)
    assert not again.rows[0].asked.token_ids, "a file holds no tokens of the prompt"
    for one in (sheet, again):
        list(measure(console, one))
    assert tables(again) == tables(sheet) is not None
    assert again.scores[1].logprobs == sheet.scores[1].logprobs

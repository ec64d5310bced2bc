"""What a page may order of the adapters' room: answered at once, or begun as a job."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.shelved import ask, opened, refused, shelf_host, work
from helpers.tiny import llama, pirate

from lora_mixer.hosts.protocol import HostError
from lora_mixer.ui.adapters import orders
from lora_mixer.ui.page.orders import OpenPage
from lora_mixer.ui.page.studio import Studio


def test_a_page_is_told_what_came_of_the_job_that_it_asks_about_and_of_no_other(console: Studio) -> None:
    assert work(console, "load", names=["poet"], keep=False, gain=1, seq=7)["job"]["seq"] == 7
    mine, other = ask(console, "job", of=7), ask(console, "job", of=8)
    assert "Loaded poet" in mine["said"] and mine["job"]["seq"] == 7
    assert "said" not in other and "shelf" not in other and other["job"]["seq"] == 7


def test_strangers_see_no_shelf_and_change_nothing(tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path, pirate(llama()), multi_user=True))
    shelf = ask(console, "shelf")["shelf"]
    assert not shelf["entries"] and "multi-user" in shelf["why_not"] and not shelf["writes"]
    with pytest.raises(HostError):
        work(console, "unload", names=None)
    assert "others share" in refused(console, "note", name="poet", note="x", collections=[])
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_understood_is_refused_in_words(console: Studio) -> None:
    assert "nobody understands" in refused(console, "dance")
    assert "nobody understands" in refused(console, "note")
    with pytest.raises(ValueError, match="nobody understands"):
        work(console, "dance")


def test_a_job_that_fails_is_told_to_the_page_before_it_is_raised(console: Studio) -> None:
    told, said = [], {"do": "load", "key": "k", "names": ["nobody"], "keep": False, "gain": 1, "seq": 3}
    with pytest.raises(HostError, match="nobody"):
        for news in orders.begin(OpenPage(console, "page"), said):
            told.append(news["job"])
    assert told and told[-1]["failed"] and told[-1]["seq"] == 3
    assert console.works.job.error is not None, "a page that was away is told the same"

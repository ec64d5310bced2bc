"""Jobs: one at a time, in a thread of their own, followed or not, and told in words when they fail."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from lora_mixer.ui.page.jobs import Busy, Job, Works


def test_a_job_tells_how_far_it_is_and_what_came_of_it() -> None:
    go = threading.Event()

    def work(job: Job) -> dict[str, Any]:
        job.tell("half", 0.5)
        assert go.wait(10)
        return {"said": "done", "line": "all"}

    works, seen = Works(), []
    for job in works.run("bake", "here", "page", work):
        seen.append((job.text, job.part, job.running))
        if job.text == "half":
            go.set()
    assert ("half", 0.5, True) in seen and seen[-1] == ("all", None, False)
    assert works.job.news["said"] == "done" and works.job.to_dict()["key"] == "here"


def test_one_at_a_time_and_it_goes_on_when_nobody_follows() -> None:
    go, works = threading.Event(), Works()
    steps = works.run("load", "here", "page", lambda job: {"ok": go.wait(10)})
    next(steps)
    with pytest.raises(Busy, match="something else"):
        next(works.run("bake", "there", "page", lambda job: {}))
    steps.close()
    assert works.job.running
    go.set()
    for thread in threading.enumerate():
        if thread.name == "lora-mixer-load":
            thread.join(10)
    assert not works.job.running and works.job.news == {"ok": True}


def test_what_goes_wrong_is_kept_and_the_next_job_may_begin() -> None:
    def fail(job: Job) -> dict[str, Any]:
        raise OSError("the disk is full")

    works = Works()
    [*_, job] = works.run("bake", "here", "page", fail)
    assert isinstance(job.error, OSError) and job.to_dict()["failed"] and job.text == "The disk is full."
    [*_, job] = works.run("bake", "here", "page", lambda job: {})
    assert job.error is None


def test_a_job_is_asked_to_stop() -> None:
    works = Works()

    def work(job: Job) -> dict[str, Any]:
        works.stop()
        return {"stopped": job.stopped()}

    [*_, job] = works.run("impact", "here", "page", work)
    assert job.news == {"stopped": True}

"""Fixtures of pages that several modules share."""

from __future__ import annotations

from helpers.both_hosts import inside
from helpers.talk import talk
from helpers.textgen_page import a_door_of_its_own

__all__ = ["a_door_of_its_own", "inside", "talk"]

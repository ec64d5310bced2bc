"""How loud anything may be."""

from __future__ import annotations

#: The largest number of 32 bits (IEEE 754 binary32): models calculate in no more.
LOUDEST = (2 - 2**-23) * 2.0**127

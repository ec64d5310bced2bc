"""The comparison lab: many mixes, one prompt, the same dice; how they differ, and how much."""

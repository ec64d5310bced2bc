"""What to try next time an adapter is trained: a recipe out of what was measured and heard, written for trainers."""

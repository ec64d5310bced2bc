"""How loud each target is, and what it really does to a text."""

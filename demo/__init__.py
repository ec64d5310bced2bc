"""The demo: a small base model, two adapters trained on it, and the script that trains them again."""

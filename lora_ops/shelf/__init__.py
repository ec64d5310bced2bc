"""Adapters on disk, and how they come into a live model and out of it."""

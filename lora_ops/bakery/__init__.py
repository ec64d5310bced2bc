"""Mixes written to disk as adapters or models that need no desk."""

"""Gains that are learned: from replies that one wants, and from votes."""

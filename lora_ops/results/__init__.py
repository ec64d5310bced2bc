"""What came of comparisons, and the votes on them: kept, added up, shared."""

"""Models that learn from single steps of the whole mesh while they answer."""

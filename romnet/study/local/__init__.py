"""Local models: whether they pay, how they are made, and which one answers."""

"""What a look at a study and its files finds."""

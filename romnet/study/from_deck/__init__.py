"""Studies from the input of another code."""

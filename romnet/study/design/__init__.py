"""Designs of experiments: draws of uncertain loads, and their answers."""

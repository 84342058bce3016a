"""Numpy-only foundations: tensors, errors, outcomes, communicators, snapshot sources."""

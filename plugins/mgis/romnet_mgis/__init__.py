"""Constitutive laws made by MFront, in romnet."""

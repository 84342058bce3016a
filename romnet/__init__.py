"""Nonintrusive reduced-order models of nonlinear structures."""

__version__ = "0.1.0"

"""Finite-element facts: meshes, cells, Gauss rules, strain operators, load vectors."""

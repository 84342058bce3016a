"""Answers of a reduced model: equilibrium, Newton iterations, time stepping, fields."""

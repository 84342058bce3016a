"""MPI and PETSc behind the protocols of the core."""

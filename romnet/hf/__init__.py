"""Distributed high-fidelity computations: snapshots, verification, enrichment steps."""

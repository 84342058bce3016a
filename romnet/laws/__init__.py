"""Constitutive laws: the contract, the UMAT host, the reference laws and their registry."""

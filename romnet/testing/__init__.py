"""Conformity suites that plug-ins run on themselves."""

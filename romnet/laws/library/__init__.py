"""Reference laws: compiled UMATs with named parameters."""

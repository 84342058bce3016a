"""What can go wrong, and who is at fault: one class for each party."""

from __future__ import annotations


class RomnetError(Exception):
    """Root of every error that romnet raises on purpose.

    Attributes
    ----------
    on_all_ranks
        Whether every rank raises it, so that none waits for another.

    Examples
    --------
    >>> issubclass(StudyError, RomnetError)
    True
    """

    on_all_ranks: bool = False


class StudyError(RomnetError):
    """The study file, or what it asks for, cannot be right."""


class ConversionError(RomnetError):
    """A foreign file cannot be read as what it claims to be."""


class StoreError(RomnetError):
    """An artefact of romnet is damaged, missing or of another schema."""


class PluginError(RomnetError):
    """A plug-in cannot be loaded or breaks its contract."""


class LawError(RomnetError):
    """A constitutive law was given parameters or conditions outside its domain."""


class AccuracyError(RomnetError):
    """A requested tolerance cannot be reached."""


class ConvergenceError(RomnetError):
    """An iteration stopped before its tolerance."""


class StoppedError(RomnetError):
    """A run was asked to stop, and did so where it can go on."""

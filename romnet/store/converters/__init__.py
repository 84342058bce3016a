"""One module for each foreign format, found by entry points of the group ``romnet.converters``."""

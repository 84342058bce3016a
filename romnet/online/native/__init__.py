"""Where the compiled part of the online computation lies."""

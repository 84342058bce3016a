"""The command line: words only, every command is one documented call."""

"""The study: a validated YAML file, the table of stages it implies, and their runner."""

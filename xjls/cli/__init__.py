"""The command line."""

EXIT_DAMAGED = 1
"""The recording is damaged, or was not closed."""
EXIT_FAILED = 2
"""It could not be done."""

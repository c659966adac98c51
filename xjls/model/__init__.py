"""The nouns of a recording, free of files and of xarray."""

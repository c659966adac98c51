"""A recording as one self-contained HTML page, with the explorer in it and no kernel behind it."""

"""From windows and pixels to columns, numbers and finds: what a screen shows of recordings; no Jupyter."""

"""The explorer: a widget that pans, zooms, marks and measures."""

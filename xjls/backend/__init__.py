"""Recordings as labelled, lazy xarray objects."""

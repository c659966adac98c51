"""Devices, one file each: `SETTINGS`, `open_device` and `find_devices`; no two of them know each other."""

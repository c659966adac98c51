"""Miniscope streams and SD card images that show one oddity each, with what a perfect reader must find in them.

``SCENARIOS`` lists functions of a folder; each writes its file there and returns a :class:`Scenario`. ``shapes`` has
streams that arrive as they were sent, ``losses`` those of which something is missing, repeated or late, ``damage``
those with wrong bits, and ``cards`` images of SD cards.

Examples
--------
>>> import tempfile
>>> made = {make.__name__: make for make in SCENARIOS}["middle_buffer_lost"](tempfile.mkdtemp())
>>> made.path.name, made.truth.frames.shape, made.truth.missing
('middle_buffer_lost.bin', (6, 16, 16), 1)
"""

from xjls.testing.miniscope.scenarios import cards, damage, losses, shapes
from xjls.testing.miniscope.scenarios.registry import SCENARIOS, Made, Scenario

__all__ = ["SCENARIOS", "Made", "Scenario", "cards", "damage", "losses", "shapes"]

"""PicoStream files that show one oddity each, with what a perfect reader must find in them.

``SCENARIOS`` lists functions of a folder; each writes its file there and returns a :class:`Scenario`. ``contents`` has
the oddities of what a file says, ``storage`` those of how HDF5 keeps it.

Examples
--------
>>> import tempfile
>>> made = {make.__name__: make for make in SCENARIOS}["aggregate_of_odd_length"](tempfile.mkdtemp())
>>> made.path.name, {name: counts.shape for name, counts in made.truth.signals.items()}
('aggregate_of_odd_length.hdf5', {'channel_a_min': (1000,), 'channel_a_max': (1000,)})
"""

from xjls.testing.picostream.scenarios import contents, storage
from xjls.testing.picostream.scenarios.registry import SCENARIOS, Scenario

__all__ = ["SCENARIOS", "Scenario", "contents", "storage"]

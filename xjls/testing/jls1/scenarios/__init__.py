"""JLS v1 files that show one oddity each, with what a perfect reader must find in them.

``SCENARIOS`` lists functions of a folder; each writes its file there and returns a :class:`Scenario`. ``raw`` has files
of an instrument's words, ``rows`` those of reductions and of calibrated samples, ``ends`` what is around the samples.

Examples
--------
>>> import tempfile
>>> made = {make.__name__: make for make in SCENARIOS}["missing_samples"](tempfile.mkdtemp())
>>> made.path.name, made.truth().missing[:2], made.truth("off").signals["current_range"].shape
('missing_samples.jls', ((0, 3), (70, 90)), (1610,))
"""

from xjls.testing.jls1.scenarios import ends, raw, rows
from xjls.testing.jls1.scenarios.registry import SCENARIOS, Made, Scenario

__all__ = ["SCENARIOS", "Made", "Scenario", "ends", "raw", "rows"]

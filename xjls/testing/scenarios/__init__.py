"""Recordings that show one oddity of the format each, with what a perfect reader must find in them.

``SCENARIOS`` lists functions; each returns a :class:`Scenario` and says in its docstring where its oddity comes from:
a section of the format or the releases that show it. Their modules are ``shapes`` (lengths and levels), ``habits``
(releases and drivers) and ``contents`` (what hangs on samples).

Examples
--------
>>> made = {define.__name__: define for define in SCENARIOS}["orphan_tail_level_1"]()
>>> made.name, made.signals["current"].shape, made.lost
('orphan_tail_level_1', (81970,), {})
"""

from xjls.testing.scenarios import contents, habits, shapes
from xjls.testing.scenarios.registry import SCENARIOS, Scenario

__all__ = ["SCENARIOS", "Scenario", "contents", "habits", "shapes"]

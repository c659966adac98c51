"""A Recording to tables: CSV, Parquet and NumPy, for programs that know nothing of instruments.

``rows``      which moments have a row, and which samples of signals of other rates belong to them
``columns``   what stands in the rows: times, samples, statistics
``choosing``  which signals, which window, whose axis
``labelled``  the same of buffers and frames, whose rows have numbers and no times
``table``     rows and columns of what was asked for
``csv``, ``parquet``, ``arrays``   a table, piece by piece, into a file
``writing``   which of these, by the name of the file

Invariant: a value in a table is one that the recording holds, or a statistic of such; where it holds none the cell is
empty, never 0, and nothing is interpolated.
"""

from xjls.export.table import make_table
from xjls.export.writing import write_table

__all__ = ["make_table", "write_table"]

"""How fast xjls is, as ratios in one run: against pyjls, and against what the machine can do at best.

``python -m benchmarks`` makes recordings with pyjls's writer, measures, and prints one table with the goal beside every
figure. Nothing here is a test: a figure decides nothing but what to look at next.

``files``        recordings, written by pyjls, and the same samples in other formats
``page_cache``   what of a file is in memory: dropped, filled, and proved to be so
``timing``       interleaved rounds, and random windows to read in them
``report``       rows of the table
``bench``        what every goal is given
``opening`` · ``windows`` · ``labelled`` · ``packed`` · ``cold`` · ``startup`` · ``formats`` · ``length``   the goals
``statistics`` · ``levels`` · ``reductions`` · ``writing``                                               and more
``miniscope``    streams of ``miniscope_stream``, against mio where there is an environment that has it
``kernels``      a program of its own, for the kernels without the library around them
"""

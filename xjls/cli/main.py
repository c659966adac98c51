"""The command line: one function a command, each prints what it found and returns the exit status.

0: done, and all is well; 1: the recording is damaged or incomplete; 2: it could not be done.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from xjls._version import __version__
from xjls.cli import EXIT_FAILED
from xjls.errors import XjlsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status.

    Examples
    --------
    >>> main(["info", "/nowhere/run.jls"])
    2
    """
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of a pipe (head, less) has seen enough; keep the interpreter from complaining at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (XjlsError, OSError) as error:
        print(f"xjls: {_sentence(error)}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("xjls: interrupted", file=sys.stderr)
        return 130
    return status


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, XjlsError) and error.filename:
        return f"{error.filename}: {error.strerror}."
    return str(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xjls",
        description="Instrument recordings of any length: what they hold, what it amounts to, whether they are whole.",
    )
    parser.add_argument("--version", action="version", version=f"xjls {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    info = commands.add_parser("info", help="what a recording holds", description="Say what a recording holds.")
    _add_file(info)
    info.add_argument("--json", action="store_true", help="print one JSON object instead")
    info.set_defaults(run=_info)

    check = commands.add_parser(
        "check", help="verify every chunk of a recording",
        description="Walk a recording and verify every chunk; say what is wrong where. "
        "The exit status is 0 when it is whole, 1 when it is damaged or was not closed, 2 when it cannot be opened.",
    )  # fmt: skip
    _add_file(check)
    check.add_argument("--json", action="store_true", help="print one JSON object instead")
    check.add_argument("--quiet", "-q", action="store_true", help="print nothing; the exit status tells")
    check.set_defaults(run=_check)

    stats = commands.add_parser(
        "stats", help="exact statistics of signals",
        description="Print count, mean, standard deviation, extremes and integral of signals, of all their samples or "
        "between two moments: exact, whatever the length.",
    )  # fmt: skip
    _add_window(stats)
    stats.add_argument("--columns", "-n", type=_count, metavar="N", help="cut the time into N equal columns")
    stats.add_argument("--ddof", type=int, choices=(0, 1), default=0, help="the deviation divides by count - DDOF")
    stats.add_argument(
        "--nans", choices=("auto", "count", "trust"), default="auto",
        help="how far to look for NaN that the summaries do not show (default: auto)",
    )  # fmt: skip
    stats.add_argument("--json", action="store_true", help="print one JSON object instead")
    stats.set_defaults(run=_stats)

    plot = commands.add_parser(
        "plot", help="draw signals into a picture",
        description="Draw smallest to largest and mean of each column, gaps, damage and annotations; the ending of "
        "the output says the format. --from and --to are times of the first signal drawn. Needs matplotlib.",
    )  # fmt: skip
    _add_window(plot)
    plot.add_argument("--output", "-o", dest="out", required=True, metavar="FILE", help="out.png, .svg, .pdf …")
    plot.add_argument("--width", type=_pixels, default=1000, metavar="PX", help="(default: 1000)")
    plot.add_argument("--height", type=_pixels, metavar="PX", help="(default: as the axes need)")
    plot.add_argument("--std", action="store_true", help="draw mean ± standard deviation too")
    plot.add_argument("--scale", choices=("auto", "linear", "log"), default="auto", help="of values (default: auto)")
    plot.add_argument("--tz", metavar="ZONE", help="of the labels, as UTC or Europe/Zurich (default: local)")
    plot.add_argument("--title", metavar="TEXT", help="(default: file, time span, samples a column)")
    plot.set_defaults(run=_plot)

    extract = commands.add_parser(
        "extract", help="a part of a recording into a new one",
        description="Write signals, whole or between two moments, to a new JLS v2 file, with their ties, annotations "
        "and user data.",
    )  # fmt: skip
    _add_window(extract)
    _add_output(extract)
    extract.set_defaults(run=_extract)

    export = commands.add_parser(
        "export", help="signals as a table: CSV, Parquet, NumPy",
        description="Write signals as a table for other programs: a row a sample, or exact statistics of a row's "
        "samples. The ending of OUT says the format. The exit status is 1 if samples are lost: their cells are empty.",
    )  # fmt: skip
    _add_window(export)
    export.add_argument("out", metavar="OUT", help="out.csv, .csv.gz, .parquet, .npz, .npy, or - for CSV to a pipe")
    export.add_argument("--axis", metavar="NAME", help="the signal whose samples make the rows, where rates differ; "
                        "others show the sample nearest in time")  # fmt: skip
    fewer = export.add_mutually_exclusive_group()
    fewer.add_argument("--every", type=_positive_integer, metavar="N", help="a row for every N samples, by statistics")
    fewer.add_argument("--columns", "-n", type=_count, metavar="N", help="N rows in all, by statistics")
    export.add_argument("--statistic", dest="statistics", action="append", default=[],
                        choices=("mean", "std", "min", "max", "count", "integral"),
                        help="of a row's samples; may be repeated (default: the first four)")  # fmt: skip
    export.add_argument("--time", choices=("auto", "utc", "seconds", "id"), default="auto",
                        help="when a row begins: UTC, seconds from the first sample, or the sample id (default: UTC "
                        "where it is known)")  # fmt: skip
    export.add_argument("--units", action="store_true", help="CSV: names with units, as in 'current [A]'")
    export.add_argument("--overwrite", action="store_true", help="replace OUT if it is there already")
    export.set_defaults(run=_export)

    recover = commands.add_parser(
        "recover", help="what is intact of a damaged recording into a new one",
        description="Write everything that is intact of a recording to a new JLS v2 file, and say what is lost. "
        "The exit status is 0 when nothing is lost, 1 when something is, 2 when it cannot be done.",
    )  # fmt: skip
    _add_file(recover)
    _add_output(recover)
    recover.set_defaults(run=_recover)

    demo = commands.add_parser(
        "demo", help="make a recording, open it, print and plot it",
        description="Make a recording of a few seconds, open it through xarray, print the Dataset and its exact "
        "statistics, and draw it. Needs matplotlib for the picture.",
    )  # fmt: skip
    demo.add_argument("--directory", "-d", default=".", help="where demo.jls and demo.png go (default: here)")
    demo.add_argument("--seconds", type=_positive, default=4.0, help="length of the recording (default: 4)")
    demo.set_defaults(run=_demo)
    return parser


def _add_file(command: argparse.ArgumentParser) -> None:
    """Add the recording that a command is about."""
    command.add_argument("file", help="a local path, or an address such as s3://bucket/run.jls")


def _add_output(command: argparse.ArgumentParser) -> None:
    """Add the recording that a command makes."""
    command.add_argument("--output", "-o", dest="out", required=True, metavar="FILE", help="the new recording")
    command.add_argument("--overwrite", action="store_true", help="replace it if it is there already")


def _add_window(command: argparse.ArgumentParser) -> None:
    """Add what a command needs to know of a part of a recording."""
    _add_file(command)
    command.add_argument("--from", dest="start", metavar="T", help="UTC, seconds such as 1.5 or 20ms, or #SAMPLE")
    command.add_argument("--to", dest="stop", metavar="T", help="the end, not included; as --from")
    command.add_argument("--signal", "-s", dest="signals", action="append", default=[], metavar="NAME",
                         help="a signal; may be repeated (default: all)")  # fmt: skip


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def _count(text: str) -> int:
    """Return a number of things, for argparse."""
    number = _integer(text)
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 1,000,000")
    return number


def _positive_integer(text: str) -> int:
    """Return a number of samples, for argparse."""
    number = _integer(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _pixels(text: str) -> int:
    """Return a size of a picture, for argparse."""
    number = _integer(text)
    if not 100 <= number <= 20_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 100 and 20,000 pixels")
    return number


def _positive(text: str) -> float:
    """Return a length of time in seconds, for argparse."""
    seconds = float(text)
    if not 1e-3 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} s is not between 1 ms and an hour")
    return seconds


def _info(options: argparse.Namespace) -> int:
    from xjls.cli.info import info

    return info(options.file, as_json=options.json)


def _check(options: argparse.Namespace) -> int:
    from xjls.cli.check import check

    return check(options.file, as_json=options.json, quiet=options.quiet)


def _stats(options: argparse.Namespace) -> int:
    from xjls.cli.stats import stats

    return stats(
        options.file, start=options.start, stop=options.stop, signals=options.signals, columns=options.columns,
        ddof=options.ddof, nans=options.nans, as_json=options.json,
    )  # fmt: skip


def _plot(options: argparse.Namespace) -> int:
    from xjls.cli.plot import plot

    return plot(
        options.file, options.out, start=options.start, stop=options.stop, signals=options.signals,
        width=options.width, height=options.height, std=options.std, scale=options.scale, tz=options.tz,
        title=options.title,
    )  # fmt: skip


def _extract(options: argparse.Namespace) -> int:
    from xjls.cli.extract import extract

    return extract(
        options.file, options.out, start=options.start, stop=options.stop, signals=options.signals,
        overwrite=options.overwrite,
    )  # fmt: skip


def _export(options: argparse.Namespace) -> int:
    from xjls.cli.export import export

    return export(
        options.file, options.out, start=options.start, stop=options.stop, signals=options.signals, axis=options.axis,
        every=options.every, columns=options.columns, statistics=options.statistics, time=options.time,
        units=options.units, overwrite=options.overwrite,
    )  # fmt: skip


def _recover(options: argparse.Namespace) -> int:
    from xjls.cli.recover import recover

    return recover(options.file, options.out, overwrite=options.overwrite)


def _demo(options: argparse.Namespace) -> int:
    from xjls.cli.demo import demo

    return demo(options.directory, seconds=options.seconds)


if __name__ == "__main__":
    sys.exit(main())

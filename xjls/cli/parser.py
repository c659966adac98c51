"""What the command line understands: the commands, in the order in which people meet them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypeAlias

from xjls._version import __version__
from xjls.cli.arguments import add_file, add_options, add_output, add_window, between, option

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

STATISTICS = ("mean", "std", "min", "max", "count", "integral")
"""As of `xjls.export.columns`, which takes a tenth of a second to load: a test holds them to each other."""
COLUMNS, MOST_COLUMNS = 32_768, 65_536
"""As of `xjls.widget.page`, for the same reason."""
FRAMES, MOST_FRAMES = 12, 200
"""As of `xjls.plot.mosaic`, for the same reason."""
_COLUMNS = between(1, 1_000_000)
_PIXELS = between(100, 20_000, "pixels")
_SECONDS = between(0.001, 3600, "s", whole=False)


def make_parser() -> argparse.ArgumentParser:
    """Return what turns arguments into the parameters of a command's function, and its name as ``run``."""
    parser = argparse.ArgumentParser(
        prog="xjls",
        description="Instrument recordings of any length: what they hold, what it amounts to, whether they are whole.",
    )
    parser.add_argument("--version", action="version", version=f"xjls {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    for add in (
        _info,
        _check,
        _stats,
        _plot,
        _explore,
        _extract,
        _export,
        _convert,
        _append,
        _index,
        _recover,
        _capture,
        _devices,
        _demo,
    ):
        add(commands)
    return parser


def _info(commands: Commands) -> None:
    command = commands.add_parser("info", help="what a recording holds", description="Say what a recording holds.")
    add_file(command)
    command.add_argument("--json", dest="as_json", action="store_true", help="print one JSON object instead")
    command.set_defaults(run="info")


def _check(commands: Commands) -> None:
    command = commands.add_parser(
        "check", help="verify every chunk of a recording",
        description="Walk a recording and verify every chunk; say what is wrong where. "
        "The exit status is 0 when it is whole, 1 when it is damaged or was not closed, 2 when it cannot be opened.",
    )  # fmt: skip
    add_file(command)
    command.add_argument("--json", dest="as_json", action="store_true", help="print one JSON object instead")
    command.add_argument("--quiet", "-q", action="store_true", help="print nothing; the exit status tells")
    command.set_defaults(run="check")


def _stats(commands: Commands) -> None:
    command = commands.add_parser(
        "stats", help="exact statistics of signals",
        description="Print count, mean, standard deviation, extremes and integral of signals, of all their samples or "
        "between two moments: exact, whatever the length.",
    )  # fmt: skip
    add_window(command)
    command.add_argument("--columns", "-n", type=_COLUMNS, metavar="N", help="cut the time into N equal columns")
    command.add_argument("--ddof", type=int, choices=(0, 1), default=0, help="the deviation divides by count - DDOF")
    command.add_argument(
        "--nans", choices=("auto", "count", "trust"), default="auto",
        help="how far to look for NaN that the summaries do not show (default: auto)",
    )  # fmt: skip
    command.add_argument("--json", dest="as_json", action="store_true", help="print one JSON object instead")
    command.set_defaults(run="stats")


def _plot(commands: Commands) -> None:
    command = commands.add_parser(
        "plot", help="draw signals into a picture",
        description="Draw smallest to largest and mean of each column, gaps, damage and annotations; the ending of "
        "the output says the format. --from and --to are times of the first signal drawn. Of a miniscope: a mosaic of "
        "frames, and what was lost over time; --from and --to are seconds of its clock, or #FRAME. Needs matplotlib.",
    )  # fmt: skip
    add_window(command)
    command.add_argument("--output", "-o", dest="out", required=True, metavar="FILE", help="out.png, .svg, .pdf …")
    command.add_argument("--width", type=_PIXELS, default=1000, metavar="PX", help="(default: 1000)")
    command.add_argument("--height", type=_PIXELS, metavar="PX", help="(default: as the axes need)")
    command.add_argument("--std", action="store_true", help="draw mean ± standard deviation too")
    command.add_argument("--scale", choices=("auto", "linear", "log"), default="auto", help="of values (default: auto)")
    command.add_argument("--tz", metavar="ZONE", help="of the labels, as UTC or Europe/Zurich (default: local)")
    command.add_argument("--title", metavar="TEXT", help="(default: file, time span, samples a column)")
    command.add_argument("--frames", type=between(1, MOST_FRAMES), default=FRAMES, metavar="N",
                         help=f"of a miniscope: how many frames are shown (default: {FRAMES})")  # fmt: skip
    command.set_defaults(run="plot")


def _explore(commands: Commands) -> None:
    command = commands.add_parser(
        "explore", help="a page to pan, zoom and measure in, in a browser",
        description="Write one HTML page to pan, zoom and measure in, which needs neither xjls nor a network: it holds "
        "columns of the whole, and closer ones of --detail. Or serve the recording with all its samples.",
    )  # fmt: skip
    add_window(command)
    command.add_argument("--output", "-o", dest="out", metavar="FILE", help="(default: FILE with the ending .html)")
    command.add_argument("--columns", "-n", type=between(1, MOST_COLUMNS), default=COLUMNS, metavar="N",
                         help=f"how closely one can look at the whole: its columns (default: {COLUMNS})")  # fmt: skip
    command.add_argument("--detail", dest="details", action="append", default=[], metavar="A:B",
                         help="two moments as --from and --to, to look closer between; may be repeated")  # fmt: skip
    command.add_argument("--title", metavar="TEXT", help="of the page (default: the file's name)")
    command.add_argument("--overwrite", action="store_true", help="replace the page if it is there already")
    command.add_argument("--open", dest="show", action=argparse.BooleanOptionalAction, default=False,
                         help="show it in the browser")  # fmt: skip
    command.add_argument("--serve", action="store_true", help="serve the recording on this machine, with its samples, "
                         "until Ctrl-C, instead of writing a page; needs Voilà")  # fmt: skip
    command.set_defaults(run="explore")


def _extract(commands: Commands) -> None:
    command = commands.add_parser(
        "extract", help="a part of a recording into a new one",
        description="Write signals, whole or between two moments, to a new recording, with their ties, annotations "
        "and user data; the ending of OUT says the format.",
    )  # fmt: skip
    add_window(command)
    add_output(command)
    command.set_defaults(run="extract")


def _export(commands: Commands) -> None:
    command = commands.add_parser(
        "export", help="signals as a table: CSV, Parquet, NumPy",
        description="Write signals as a table for other programs: a row a sample, or exact statistics of a row's "
        "samples. The ending of OUT says the format. The exit status is 1 if samples are lost: their cells are empty.",
    )  # fmt: skip
    add_window(command)
    command.add_argument("out", metavar="OUT", help="out.csv, .csv.gz, .parquet, .npz, .npy, or - for CSV to a pipe")
    command.add_argument("--axis", metavar="NAME", help="the signal whose samples make the rows, where rates differ; "
                        "others show the sample nearest in time; or frame or buffer of a miniscope")  # fmt: skip
    fewer = command.add_mutually_exclusive_group()
    fewer.add_argument("--every", type=between(1), metavar="N", help="a row for every N samples, by statistics")
    fewer.add_argument("--columns", "-n", type=_COLUMNS, metavar="N", help="N rows in all, by statistics")
    command.add_argument("--statistic", dest="statistics", action="append", default=[],
                        choices=STATISTICS,
                        help="of a row's samples; may be repeated (default: the first four)")  # fmt: skip
    command.add_argument("--time", choices=("auto", "utc", "seconds", "id"), default="auto",
                        help="when a row begins: UTC, seconds from the beginning, or the sample id (default: UTC "
                        "where it is known)")  # fmt: skip
    command.add_argument("--units", action="store_true", help="CSV: names with units, as in 'current [A]'")
    command.add_argument("--overwrite", action="store_true", help="replace OUT if it is there already")
    command.set_defaults(run="export")


def _convert(commands: Commands) -> None:
    command = commands.add_parser(
        "convert", help="a recording into another format",
        description="Write a recording to a new one, with all that is in it; the ending of OUT says the format. "
        "The exit status is 0 when nothing is lost, 1 when something is, 2 when it cannot be done.",
    )  # fmt: skip
    add_file(command)
    add_output(command)
    command.add_argument("--codec", choices=("blosc", "zstd"), help="compress all samples; of Zarr only")
    command.set_defaults(run="convert")


def _append(commands: Commands) -> None:
    command = commands.add_parser(
        "append", help="recordings behind another one, in its file",
        description="Write recordings behind a JLS v2 recording, whoever wrote that, closed or not: signals go on "
        "under their names. What is in the file stays, whatever happens; a gap between them is recorded. "
        "The exit status is 1 when samples of MORE are lost, 2 when it cannot be done.",
    )  # fmt: skip
    command.add_argument("path", metavar="FILE", help="the recording that grows")
    command.add_argument("more", metavar="MORE", nargs="+", help="what goes behind it, one after the other")
    command.add_argument("--by", choices=("auto", "time", "id", "end"), default="auto",
                        help="place samples by UTC, by their sample ids, or right behind the last ones (default: by "
                        "UTC where both know it, else at the end)")  # fmt: skip
    add_options(command)
    command.set_defaults(run="append")


def _index(commands: Commands) -> None:
    command = commands.add_parser(
        "index", help="summary levels for a recording whose format has none",
        description="Build the summary levels of a recording whose format has none, into a folder beside it, which is "
        "used from then on. What was interrupted is gone on with. The file itself is not touched.",
    )  # fmt: skip
    add_file(command, sidecar=False)
    command.add_argument("--to", metavar="PATH", help="where they go (default: FILE.levels.zarr)")
    command.add_argument("--workers", type=between(1), metavar="N", help="threads (default: one a processor)")
    command.add_argument("--force", action="store_true", help="build anew what is there already")
    command.add_argument("--check", action="store_true", help="only verify what is there; the exit status is 1 when it "
                       "is damaged, or is not of the file as it is now")  # fmt: skip
    command.set_defaults(run="index")


def _recover(commands: Commands) -> None:
    command = commands.add_parser(
        "recover", help="what is intact of a damaged recording into a new one",
        description="Write everything that is intact of a recording to a new one, and say what is lost. "
        "The exit status is 0 when nothing is lost, 1 when something is, 2 when it cannot be done.",
    )  # fmt: skip
    add_file(command)
    add_output(command)
    command.set_defaults(run="convert")


def _capture(commands: Commands) -> None:
    command = commands.add_parser(
        "capture", help="a live device into recordings",
        description="Stream a device into recordings that open while they grow, until it is to end or Ctrl-C. What is "
        "there already is gone on with. The exit status is 0 when every sample is there, 1 when some are missing, the "
        "device ended too soon or a recording took no more, 2 when it cannot be done.",
    )  # fmt: skip
    command.add_argument("device", metavar="DEVICE", nargs="?", help="sim, js110, js110:000123, replay:run.jls … with "
                         "settings as in sim?model=picoscope; see xjls devices")  # fmt: skip
    command.add_argument("stores", metavar="STORE", nargs="*", help="the recordings: .zarr, which may have an address, "
                         ".jls, or .hdf5 of one channel's counts")  # fmt: skip
    command.add_argument("--plan", metavar="FILE", help="a TOML file that tells any of this; arguments come first")
    command.add_argument("--duration", "-t", metavar="T", help="end after so long, as in 10s, 1h30min or 2d")
    command.add_argument("--samples", type=between(1), metavar="N", help="end after so many, at the highest rate")
    command.add_argument("--size", metavar="BYTES", help="end after so many bytes, as in 500MB or 2GiB")
    command.add_argument("--until", metavar="CONDITION", help="end when it holds for the last second, as in "
                         "'max(current) > 0.5'")  # fmt: skip
    command.add_argument("--signals", "--signal", "-s", action="extend", type=lambda text: text.split(","),
                         metavar="NAME[,NAME…]", help="signals (default: what the device delivers)")  # fmt: skip
    command.add_argument("--rate", "-r", metavar="HZ", help="samples a second, as in 1e6 or 62.5MHz")
    command.add_argument("--set", dest="settings", action="append", type=option, default=[], metavar="NAME=VALUE",
                         help="what the device is told; see xjls devices KIND; may be repeated")  # fmt: skip
    command.add_argument("--live-only", metavar="T", help="keep the last samples only, of so long at least")
    command.add_argument("--codec", choices=("auto", "blosc", "zstd"), help="compress samples; of Zarr only")
    command.add_argument("--plot", metavar="FILE", nargs="?", const="live", help="draw the last seconds into a picture "
                         "while it runs, and at its end all; without FILE, or as live: in the terminal, where the key "
                         "s draws them into a PNG beside the recording, p pauses the view, and q or Ctrl-C "
                         "ends")  # fmt: skip
    command.add_argument("--quiet", "-q", action="store_true", help="print nothing; the exit status tells")
    command.set_defaults(run="capture")


def _devices(commands: Commands) -> None:
    command = commands.add_parser(
        "devices", help="what can be captured from",
        description="List the kinds of devices and those that are there; or what one kind can be told.",
    )  # fmt: skip
    command.add_argument("kind", metavar="KIND", nargs="?", help="show what this kind can be told, and its defaults")
    command.add_argument("--json", dest="as_json", action="store_true", help="print one JSON array instead")
    command.set_defaults(run="devices")


def _demo(commands: Commands) -> None:
    command = commands.add_parser(
        "demo", help="make a recording, open it, print and plot it",
        description="Make a recording of a few seconds, open it through xarray, print the Dataset and its exact "
        "statistics, and draw it. Needs matplotlib for the picture.",
    )  # fmt: skip
    command.add_argument("--directory", "-d", default=".", help="where demo.jls and demo.png go (default: here)")
    command.add_argument("--seconds", type=_SECONDS, default=4.0, help="length of the recording (default: 4)")
    command.set_defaults(run="demo")

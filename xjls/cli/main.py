"""The command line: one module a command, whose function of that name prints what it found and returns the exit status.

0: done, and all is well; 1: the recording is damaged or incomplete; 2: it could not be done.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from xjls.cli import EXIT_FAILED
from xjls.cli.arguments import opening
from xjls.cli.parser import make_parser
from xjls.errors import XjlsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status.

    Examples
    --------
    >>> main(["info", "/nowhere/run.jls"])
    2
    """
    options = opening(vars(make_parser().parse_args(arguments)))
    run = options.pop("run")
    try:
        status: int = getattr(import_module(f"xjls.cli.{run}"), run)(**options)
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


if __name__ == "__main__":
    sys.exit(main())

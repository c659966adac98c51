"""``python -m xjls``: the command line."""

import sys

from xjls.cli.main import main

sys.exit(main())

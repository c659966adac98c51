"""The frames of a recording: which signals they are, and that asking for them draws nothing."""

import subprocess
import sys

import pytest

import xjls
from xjls.errors import SelectionError
from xjls.query.frames import frames_of, require_frames
from xjls.testing import write_demo


def test_a_recording_in_time_has_no_frames(tmp_path):
    with xjls.open_recording(write_demo(tmp_path / "run.jls", seconds=0.1)) as recording:
        assert frames_of(recording) is None
        with pytest.raises(SelectionError, match=r"has no frames to draw\. See xjls info"):
            require_frames(recording)


def test_commands_that_draw_nothing_load_nothing_that_draws():
    names = ", ".join(f"xjls.cli.{name}" for name in ("convert", "export", "frame_window", "info", "window"))
    code = f"import sys, {names}\nprint([name for name in sys.modules if name.startswith('xjls.plot')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

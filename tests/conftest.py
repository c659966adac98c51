"""What tests share: unpacked files, scenarios on disk, and a look behind every test for what it left open."""

import contextlib
import gc
import logging
import lzma
import os
import resource
import signal
import threading
from pathlib import Path

import dask.threaded
import fsspec
import psutil
import pytest
from hypothesis import HealthCheck, settings

from xjls.testing.laws import Expected
from xjls.testing.scenarios import SCENARIOS

collect_ignore = ["campaigns/mio_driver.py"]
"""What runs in an environment of its own, which has mio."""
DATA = Path(__file__).parent / "data"
FILES = Path("/proc/self/fd")
SLOW_S = 30
"""No single action on a damaged file may take longer, on whatever machine."""
HEADROOM_BYTES = 1 << 29
"""Address space that reading a small, damaged file may add."""

settings.register_profile("search", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
# What is said of a change must not hang on luck: the same examples each time, and others for who searches
settings.register_profile("steady", settings.get_profile("search"), derandomize=True)
settings.load_profile("search" if os.environ.get("XJLS_EXAMPLES") else "steady")


@pytest.fixture
def remote():
    """Return a function that puts a file into fsspec's memory, and gives its address."""
    files = fsspec.filesystem("memory")

    def put(path):
        address = f"/scenarios/run{Path(path).suffix}"
        files.pipe(address, Path(path).read_bytes())
        return f"memory:/{address}"

    yield put
    files.rm("/scenarios", recursive=True)


@pytest.fixture
def quiet_oracle():
    """Keep what an oracle logs of calibrations without a signature, and of broken files, out of the report."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    yield
    logging.disable(before)


@pytest.fixture(autouse=True)
def _nothing_is_left_open():
    """Fail a test that leaves a recording's file, a thread or a process behind."""
    files, threads, processes = _open_recordings(), _threads(), _processes()
    yield
    left = []
    for _ in range(2):
        left = [*(_open_recordings() - files), *(_threads() - threads), *(_processes() - processes)]
        if not left:
            return
        gc.collect()  # a Dataset in a cycle closes its file then
    assert not left, f"the test left open: {left}"


def _open_recordings():
    if not FILES.is_dir():
        return set()
    found = set()
    for fd in FILES.iterdir():
        with contextlib.suppress(OSError):
            found.add(fd.readlink())
    return {path for path in found if path.suffix in (".jls", ".hdf5")}


def _threads():
    pool = getattr(dask.threaded.default_pool, "_threads", ())  # dask keeps its workers for the next computation
    return {thread for thread in threading.enumerate() if not thread.daemon} - set(pool)


def _processes():
    found = set()
    for children in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has just ended
            found |= {pid for pid in children.read_text().split() if not _is_helper(pid)}
    return found


def _is_helper(pid):
    """Whether it is multiprocessing's resource tracker, which stays for the next process that is spawned."""
    try:
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True  # has just ended


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory):
    """Return the path of a file of ``tests/data``, unpacked once a session."""
    folder = tmp_path_factory.mktemp("recordings")

    def path_of(name):
        path = folder / f"{name}.jls"
        if not path.exists():
            path.write_bytes(lzma.decompress((DATA / f"{name}.jls.xz").read_bytes()))
        return path

    return path_of


@pytest.fixture(scope="session")
def scenario(tmp_path_factory):
    """Return the path of a scenario and what is expected of it, by name; each is written once a session."""
    folder = tmp_path_factory.mktemp("scenarios")
    makers = {make.__name__: make for make in SCENARIOS}
    made = {}

    def path_and_truth(name):
        if name not in made:
            found = makers[name]()
            path = folder / f"{name}.jls"
            path.write_bytes(found.data)
            made[name] = path, Expected.of(found.truth, is_summarised_where_lost=name == "lossy_omission")
        return made[name]

    return path_and_truth


@pytest.fixture
def bounded_memory():
    """Limit the address space, so that an allocation that a file's bytes ask for raises MemoryError."""
    if not FILES.is_dir():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + HEADROOM_BYTES, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.fixture
def in_time():
    """Return a context that raises after 30 s: a hang becomes a failure."""

    @contextlib.contextmanager
    def limited(what):
        def give_up(*_):
            raise AssertionError(f"{what} took more than {SLOW_S} s")

        before = signal.signal(signal.SIGALRM, give_up)
        signal.setitimer(signal.ITIMER_REAL, SLOW_S)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    return limited

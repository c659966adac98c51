"""Many readers at once: threads, forked and spawned processes, dask's schedulers; what tasks and tokens are made of."""

import ast
import multiprocessing
import operator
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import dask
import numpy as np
import pytest
import xarray as xr
from dask.base import tokenize

import xjls
from xjls.testing import write_sparse
from xjls.testing.jls2 import Annotation, Definition, Fsr, Source, chunks_of, encode_definition, flip, write
from xjls.testing.laws import equal_values

SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
SIZE = 200_000
SMALL_CHUNKS = pytest.mark.filterwarnings("ignore:The specified chunks separate the stored chunks")
"""xarray says so of chunks that are no multiple of the preferred ones, which no small recording fills."""
FORK = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(2)
    return {
        "current": rng.normal(3, 1, SIZE).astype("f4"),
        "gpi": rng.integers(0, 2, SIZE).astype(bool),
        "range": rng.integers(0, 16, SIZE).astype("u1"),
        "counter": rng.integers(-(2**60), 2**60, SIZE),
    }


@pytest.fixture(scope="module")
def definition(truth):
    dtypes = {"current": "f32", "gpi": "u1", "range": "u4", "counter": "i64"}
    ties = [(i * 1000, EPOCH + i * SECOND) for i in range(201)]
    common = {"rate_hz": 1000, "samples_per_data": 1024, "sample_decimate": 128, "summary_decimate": 10}
    notes = [Annotation(i, data=f"{i}") for i in range(0, SIZE, 5000)]
    return Definition([
        Fsr(name, samples, dtype=dtypes[name], ties=ties, annotations=notes, entries_per_summary=160, **common)
        for name, samples in truth.items()
    ])  # fmt: skip


@pytest.fixture(scope="module")
def path(definition, tmp_path_factory):
    return write(tmp_path_factory.mktemp("shared") / "run.jls", definition.sources, definition.signals)


def read_at_random(recording, truth, seed, times=60):
    """Read windows of all signals and count those that are wrong."""
    rng = np.random.default_rng(seed)
    wrong = 0
    for _ in range(times):
        name = str(rng.choice(list(truth)))
        start, stop = np.sort(rng.integers(0, SIZE + 1, 2)).tolist()
        wrong += not equal_values(recording.read(name, (start, stop)), truth[name][start:stop])
    return wrong


def together(action, count=4):
    """Run ``action(number)`` on threads that start as one; return what each gave."""
    barrier = threading.Barrier(count)

    def run(number):
        barrier.wait()
        return action(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


# ---- threads -------------------------------------------------------------------------------------------------------


def test_threads_share_a_recording(path, truth):
    for _ in range(3):
        with xjls.open_recording(path) as recording:
            assert together(lambda number, r=recording: read_at_random(r, truth, number)) == [0] * 4


def test_threads_share_the_first_use_of_everything(path, truth):
    def use(recording, number):
        level = recording.read_level("counter", 1 + number % 2, (0, 10))
        ties = len(recording.ties("current")), len(recording.annotations), recording.clock("gpi").time(1000)
        return level.tobytes() if number % 2 == 0 else None, ties, recording.status.complete

    for _ in range(5):
        with xjls.open_recording(path) as recording:
            answers = together(lambda number, r=recording: use(r, number), 8)
            assert len({answer[0] for answer in answers[::2]}) == 1
            assert len({answer[1:] for answer in answers}) == 1


def test_threads_share_a_damaged_index(definition, truth, tmp_path):
    """The first to meet the damage mends the way for all; nobody sees a sample out of place."""
    data = encode_definition(definition)
    for chunk in [c for c in chunks_of(data) if c.tag == 0x23][::7]:
        data = flip(data, chunk.payload.start + 20)
    (tmp_path / "run.jls").write_bytes(data)
    for _ in range(3):
        with xjls.open_recording(tmp_path / "run.jls") as recording:
            assert together(lambda number, r=recording: read_at_random(r, truth, number, 20)) == [0] * 4
            assert not recording.status.complete


def test_closing_under_reading_threads_is_an_answer_or_an_error(path, truth):
    def read_until_closed(recording, number, under_way):
        try:
            while not read_at_random(recording, truth, number, 1):
                under_way.set()
        except ValueError as error:
            return "closed" in str(error)
        return False

    for _ in range(5):
        recording = xjls.open_recording(path)
        under_way = threading.Event()

        def act(number, recording=recording, under_way=under_way):
            if number:
                return read_until_closed(recording, number, under_way)
            under_way.wait()
            recording.close()
            return True

        assert together(act, 3) == [True] * 3


def test_threads_share_a_dataset(path, truth):
    with xjls.open(path, levels=False) as ds, dask.config.set(scheduler="synchronous"):

        def read(number):
            rng = np.random.default_rng(number)
            for _ in range(10):
                start, stop = np.sort(rng.integers(0, SIZE + 1, 2)).tolist()
                for name, samples in truth.items():
                    assert equal_values(ds[name].isel(time=slice(start, stop)).values, samples[start:stop])
            return True

        assert all(together(read, 3))


@SMALL_CHUNKS
@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
def test_dask_reads_in_chunks(path, truth, scheduler):
    with (
        xr.open_dataset(path, engine="jls", chunks={"time": 12_345}, levels=False) as ds,
        dask.config.set(scheduler=scheduler),
    ):
        for name, samples in truth.items():
            assert len(ds[name].chunks[0]) == -(-SIZE // 12_345)
            assert equal_values(ds[name].values, samples)
        assert float(ds.current.astype("f8").mean()) == pytest.approx(truth["current"].astype("f8").mean())


# ---- processes -----------------------------------------------------------------------------------------------------


def report(recording, truth, queue):
    queue.put(read_at_random(recording, truth, os.getpid(), 40))


@FORK
def test_a_forked_process_shares_an_open_recording(path, truth):
    """Parent and child read through one open file description, at once."""
    with xjls.open_recording(path) as recording:
        recording.read("current", (0, 10))
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        children = [context.Process(target=report, args=(recording, truth, queue)) for _ in range(2)]
        for child in children:
            child.start()
        assert read_at_random(recording, truth, 1, 100) == 0
        assert [queue.get() for _ in children] == [0, 0]
        for child in children:
            child.join()
        assert [child.exitcode for child in children] == [0, 0]


@pytest.fixture(scope="module")
def spawned():
    """Return a pool of two spawned processes, started before a test is watched for what it leaves open."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        # Asked for before the first has begun: a process that is idle would take the second task too
        for task in [pool.submit(abs, -1) for _ in range(2)]:
            task.result()
        yield pool


def test_spawned_processes_open_the_recording_again(path, truth, spawned):
    with xjls.open_recording(path, on_damage="gap") as recording:
        windows = [(0, SIZE), (1, 2), (777, 155_555)]
        for name, samples in truth.items():
            found = spawned.map(operator.methodcaller("read", name, windows[0]), [recording] * 2)
            assert all(equal_values(values, samples) for values in found)
        for start, stop in windows:
            values = spawned.submit(recording.read, "range", (start, stop)).result()
            assert equal_values(values, truth["range"][start:stop])


@pytest.mark.parametrize("chunks", [None, {}])
def test_a_pickled_dataset_computes_in_a_spawned_process(path, truth, spawned, chunks):
    with xr.open_dataset(path, engine="jls", chunks=chunks) as ds:
        part = ds.isel(time=slice(1000, 60_000, 7))
        assert len(pickle.dumps(part)) < 200_000
        loaded = spawned.submit(operator.methodcaller("load"), part).result()
        for name, samples in truth.items():
            assert equal_values(loaded[name].values, samples[1000:60_000:7])
        xr.testing.assert_identical(loaded, part.load())


@SMALL_CHUNKS
def test_the_processes_scheduler_computes(path, truth, spawned):
    with (
        xjls.open(path, chunks={"time": 50_000}, levels=False) as ds,
        dask.config.set(scheduler="processes", pool=spawned),
    ):
        assert int(ds.gpi.sum()) == truth["gpi"].sum()
        np.testing.assert_array_equal(ds.counter.values, truth["counter"])


ON_A_CLUSTER = """
import sys
import dask, numpy as np, xarray as xr
from distributed import Client, LocalCluster

def main(path):
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster),
        xr.open_dataset(path, engine="jls", chunks={}, levels=[1]) as ds,
    ):
        small = ds.chunk(time=20_000)
        total = small.current.astype("f8").sum()
        after = small.current.where(small.time >= np.datetime64("2026-03-01T10:01:40")).count()
        top = ds.current_x128.isel(statistic=3).max()
        found = dask.compute(total, after, small.range.max(), top, small.counter[::999])
    print(repr([float(found[0]), int(found[1]), int(found[2]), float(found[3]), found[4].values.tolist()]))

if __name__ == "__main__":
    main(sys.argv[1])
"""


def test_a_cluster_of_processes_computes(path, truth, tmp_path):
    """In an interpreter of its own: a scheduler keeps what it was given for as long as it likes."""
    script = tmp_path / "cluster.py"
    script.write_text(ON_A_CLUSTER)
    done = subprocess.run([sys.executable, str(script), str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    total, after, highest, top, counter = ast.literal_eval(done.stdout)
    assert total == pytest.approx(truth["current"].astype("f8").sum(), rel=1e-12)
    assert (after, highest) == (SIZE - 100_000, truth["range"].max())
    assert top == truth["current"][: SIZE // 128 * 128].max()
    assert counter == truth["counter"][::999].tolist()


def test_tasks_from_one_recording_share_one_file(path, truth):
    """A thousand chunks are a thousand unpickled recordings; they open the file once."""
    with xjls.open_recording(path) as recording:
        pickled = pickle.dumps(recording)
        copies = [pickle.loads(pickled) for _ in range(50)]
        assert len({id(copy) for copy in copies}) == 1
        assert equal_values(copies[7].read("range", (5, 500)), truth["range"][5:500])
        copies[0].close()
        assert equal_values(recording.read("range", (5, 500)), truth["range"][5:500])
        with pickle.loads(pickled) as again:
            assert equal_values(again.read("range", (5, 500)), truth["range"][5:500])


def test_a_file_that_changed_on_the_way_is_noticed(tmp_path):
    path = write(tmp_path / "run.jls", [Source()], [Fsr("current", range(100))])
    with xjls.open_recording(path) as recording:
        pickled = pickle.dumps(recording)
    write(path, [Source()], [Fsr("current", range(200))])
    with pytest.warns(RuntimeWarning, match=r"run\.jls has changed since it was opened"), pickle.loads(pickled) as copy:
        assert copy.signals["current"].length == 200


# ---- tokens and graphs ---------------------------------------------------------------------------------------------


def keys(ds):
    return {name: variable.data.name for name, variable in ds.data_vars.items()}


def test_tokens_are_deterministic(path, tmp_path):
    with xjls.open(path) as first, xjls.open(path) as second:
        assert keys(first) == keys(second)
        assert tokenize(first) == tokenize(second)
        assert tokenize(first.isel(time=slice(5, 10))) == tokenize(second.isel(time=slice(5, 10)))
        assert tokenize(first.isel(time=slice(5, 10))) != tokenize(second.isel(time=slice(5, 11)))
    with xr.open_dataset(path, engine="jls") as first, xr.open_dataset(path, engine="jls") as second:
        assert tokenize(first.variables) == tokenize(second.variables)


def test_a_changed_file_has_other_tokens(definition, truth, tmp_path):
    path = write(tmp_path / "run.jls", definition.sources, definition.signals)
    with xjls.open(path) as before:
        old, token = keys(before), tokenize(before)
    signals = [Fsr("current", truth["current"] + 1), *definition.signals[1:]]
    write(path, definition.sources, signals)
    os.utime(path, ns=(1, 1))  # whatever the clock of this file system counts
    with xjls.open(path) as after:
        assert not set(keys(after).values()) & set(old.values())
        assert tokenize(after) != token


def test_options_that_change_values_change_tokens(path):
    with xjls.open(path, levels=False) as plain:
        names = keys(plain)
    for options in ({"on_damage": "gap"}, {"verify": False}):
        with xjls.open(path, levels=False, **options) as other:
            assert not set(keys(other).values()) & set(names.values())


def pieces(graph):
    """Yield every object in a graph's tasks, however deep."""
    waiting, seen = list(graph.values()), set()
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list | tuple | set):
            waiting += item
        elif hasattr(item, "args"):
            waiting += [*item.args, *getattr(item, "kwargs", {}).values()]
        elif hasattr(item, "value"):
            waiting.append(item.value)


def test_graphs_are_small_and_carry_no_arrays(tmp_path):
    truth = write_sparse(tmp_path / "run.jls", 10**10)
    with xjls.open(truth.path, levels=False) as ds:
        current = ds.current
        assert 1000 < len(current.chunks[0]) < 20_000
        (optimised,) = dask.optimize(current.astype("f8").mean())
        for graph in (current.data.__dask_graph__(), optimised.data.__dask_graph__()):
            assert len(pickle.dumps(dict(graph))) < 1_000_000
            arrays = [piece.size for piece in pieces(dict(graph)) if isinstance(piece, np.ndarray)]
            assert max(arrays, default=0) < 100
        assert len(pickle.dumps(ds)) < 1_000_000


def test_there_are_never_more_than_twenty_thousand_chunks(tmp_path):
    for samples, chunk in ((10**9, 8_192_000), (10**12, None)):
        truth = write_sparse(tmp_path / f"{samples}.jls", samples)
        with xjls.open(truth.path, levels=False) as ds:
            chunks = ds.current.chunks[0]
            assert len(chunks) <= 20_100
            assert chunk in (None, chunks[0])
            assert chunks[0] % 1_024_000 == 0
            assert ds.chunks["time"] == chunks


def test_sources_are_in_every_process(tmp_path):
    """A path relative to the working directory is still found from elsewhere."""
    write(tmp_path / "run.jls", [Source("js220")], [Fsr("current", range(100))])
    before = os.getcwd()  # noqa: PTH109
    os.chdir(tmp_path)
    try:
        with xjls.open_recording("run.jls") as recording:
            pickled = pickle.dumps(recording)
    finally:
        os.chdir(before)
    with pickle.loads(pickled) as copy:
        assert copy.read("current", (98, 100)).tolist() == [98, 99]

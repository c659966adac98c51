"""``python -m tests.campaigns.fuzz --minutes N``: damage recordings in every way, and hold what opens to the truth.

Every byte of the small recordings of ``tests.test_jls2_damage`` is flipped and cut at. Random recordings of
``xjls.testing.strategies`` and all scenarios are damaged at random: several flips, zeroed, noisy, swapped and lost
spans, and cuts. What is left is read, and asked for statistics and columns. JLS v1 files are damaged likewise, and
their samples held to what was written, and streams of miniscopes, whose whole buffers must be where they belong.
PicoStream's files have no checksums: of them, only what ``tests.test_picostream_damage.looks_right`` asks is required.
Each case runs in a worker with bounded
memory and time; a case that fails is kept as a file with what happened, and the exit status is 1. Before that, writers
are killed as ``tests.campaigns.kills`` does it.
"""

# ruff: noqa: T201 - a program that prints

import argparse
import faulthandler
import functools
import itertools
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
import traceback
from multiprocessing.connection import wait
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

import xjls
from tests.campaigns.kills import campaign
from tests.test_jls1_damage import FRAGILE as FRAGILE_JLS1
from tests.test_jls1_damage import LAWS as LAWS_OF_JLS1
from tests.test_jls1_damage import UNSUPPRESSED, whole
from tests.test_jls2_damage import FRAGILE
from tests.test_miniscope_hostile import LAYOUTS, buffers_are_right, hold, options_of, sent_of
from tests.test_picostream_damage import FRAGILE as FRAGILE_PICOSTREAM
from tests.test_picostream_damage import looks_right
from xjls.testing.jls1.scenarios import SCENARIOS as JLS1
from xjls.testing.jls2 import RELEASES, chunks_of, encode_definition, flip, truncate, truth_of, zero
from xjls.testing.laws import (
    Expected,
    columns_are_statistics,
    damage_is_named,
    levels_are_reductions,
    statistics_are_exact,
    windows_are_slices,
)
from xjls.testing.miniscope import tiny
from xjls.testing.picostream.scenarios import SCENARIOS as PICOSTREAM
from xjls.testing.scenarios import SCENARIOS
from xjls.testing.strategies import recordings

HELD_TO = (levels_are_reductions, windows_are_slices, statistics_are_exact, columns_are_statistics)
"""Laws of what is left: in this order after everything was read, and backwards of a recording that nobody has read."""
COLUMNS_EVERY = 16
"""Cases of which one is held to the last of these: a thousand columns take longer than all the rest."""
CASE_S = 60
"""A case that takes longer ends its worker, with a traceback."""
MEMORY_BYTES = 3 << 30
"""Address space of a worker, most of it numba's."""
TOLD_EVERY_S = 10


def main():
    """Run the campaign; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.fuzz", description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="how long (default: 10)")
    parser.add_argument("--seed", type=int, default=None, help="of the random part (default: another one each time)")
    parser.add_argument("--keep", default="fuzz-failures", help="where files that fail go (default: fuzz-failures)")
    parser.add_argument("--kills", type=int, default=200, help="writers that are killed first (default: 200)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes (default: one a core)")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}, {options.minutes:g} min, {options.workers} workers", flush=True)
    kills, unfit = campaign(options.kills, seed, Path(options.keep), tell=lambda text: print(text, flush=True))
    print(f"{kills:,} kills, {unfit:,} files failed", flush=True)
    context = multiprocessing.get_context("spawn")
    counts = context.Array("q", 3 * options.workers)
    workers = [
        context.Process(target=work, args=(number, options.workers, seed, options.minutes * 60, options.keep, counts))
        for number in range(options.workers)
    ]
    for worker in workers:
        worker.start()
    watch(workers, counts)
    cases, opened, failed = (sum(counts[i::3]) for i in range(3))
    died = [worker.exitcode for worker in workers if worker.exitcode]
    print(f"{cases:,} cases, {opened:,} opened, {failed:,} failed" + (f", workers died: {died}" if died else ""))
    return 1 if failed or died or unfit else 0


def watch(workers, counts):
    """Tell now and then how far it is, until all are done."""
    while alive := [worker.sentinel for worker in workers if worker.is_alive()]:
        wait(alive, TOLD_EVERY_S)
        cases, opened, failed = (sum(counts[i::3]) for i in range(3))
        print(f"  {cases:,} cases, {opened:,} opened, {failed:,} failed", flush=True)


def work(number, of, seed, seconds, keep, counts):
    """Run every ``of``-th case until the time is over; runs in a process of its own."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    stop = time.monotonic() + seconds
    folder = Path(keep)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"worker-{number}.jls"
    every_byte = itertools.islice(systematic_cases(), number, None, of)
    at_random = random_cases(random.Random(f"{seed} {number}"))
    every_byte_of_picostream = itertools.islice(systematic_picostream(), number, None, of)
    picostream = random_picostream(random.Random(f"{seed} {number} picostream"))
    every_byte_of_jls1 = itertools.islice(systematic_jls1(), number, None, of)
    jls1 = random_jls1(random.Random(f"{seed} {number} jls1"))
    miniscope = random_miniscope(random.Random(f"{seed} {number} miniscope"))
    cases = every_byte, at_random, every_byte_of_picostream, picostream, every_byte_of_jls1, jls1, miniscope
    # By turns: a short campaign, too, sees random recordings
    for name, data, expected in roundrobin(*cases):
        if time.monotonic() > stop:
            break
        faulthandler.dump_traceback_later(CASE_S, exit=True)
        counts[3 * number] += 1
        try:
            target.write_bytes(data)
            is_jls1 = name.startswith("jls1")
            laws = LAWS_OF_JLS1 if is_jls1 else HELD_TO if counts[3 * number] % COLUMNS_EVERY == 0 else HELD_TO[:-1]
            if callable(expected):
                counts[3 * number + 1] += expected(target)
            elif expected is None:
                counts[3 * number + 1] += looks_right(target)
            else:
                in_order = not {"swap", "drop"} & set(name.split("-"))
                opened = opener(target, UNSUPPRESSED if is_jls1 else None)
                counts[3 * number + 1] += damage_is_named(opened, expected, in_order=in_order, laws=laws)
            assert target.read_bytes() == data, "the file was changed"
        except Exception:  # noqa: BLE001 - whatever comes out is a finding
            counts[3 * number + 2] += 1
            keep_case(folder / f"{name}-{number}-{counts[3 * number]}", data)
    faulthandler.cancel_dump_traceback_later()
    target.unlink(missing_ok=True)


def opener(path, format_options=None):
    return lambda on_damage: xjls.open_recording(path, on_damage=on_damage, format_options=format_options)


def keep_case(stem, data):
    """Write the file that fails, and what happened, beside each other."""
    stem.with_suffix(".jls").write_bytes(data)
    stem.with_suffix(".txt").write_text(traceback.format_exc())
    print(f"  {stem}: {traceback.format_exc().splitlines()[-1][:200]}", flush=True)


def roundrobin(*iterators):
    """Yield from each in turn until all are exhausted."""
    waiting = [iter(iterator) for iterator in iterators]
    while waiting:
        for iterator in list(waiting):
            try:
                yield next(iterator)
            except StopIteration:
                waiting.remove(iterator)


# ---- every byte ----------------------------------------------------------------------------------------------------


def systematic_cases():
    """Yield (name, bytes, expected): a flip of, and a cut at, every byte of every fragile recording."""
    made = {name: (encode_definition(make()), Expected.of(truth_of(make()))) for name, make in FRAGILE.items()}
    yield from at_every_byte(made)


def systematic_picostream():
    """Yield the same of PicoStream's files, of which nothing is expected: (name, bytes, None)."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(make(f"{folder}/{name}.hdf5")) for name, make in FRAGILE_PICOSTREAM.items()}
        made = {f"picostream-{name}": (path.read_bytes(), None) for name, path in paths.items()}
    yield from at_every_byte(made)


def systematic_jls1():
    """Yield the same of JLS v1: (name, bytes, expected), whose currents are not suppressed."""
    with tempfile.TemporaryDirectory() as folder:
        made = {f"jls1-{name}": whole(make(), Path(folder) / "run.jls") for name, make in FRAGILE_JLS1.items()}
    yield from at_every_byte(made)


def at_every_byte(made):
    """Yield a flip of, and a cut at, every byte of recordings: (bytes, expected) by name."""
    longest = max(len(data) for data, _ in made.values())
    # Far steps first, so that a short campaign has been everywhere
    for offset in sorted(range(longest), key=lambda i: int(f"{i:032b}"[::-1], 2)):
        for name, (data, expected) in made.items():
            if offset < len(data):
                yield f"{name}-flip-{offset}", flip(data, offset, offset % 8), expected
                yield f"{name}-cut-{offset}", truncate(data, offset), expected


# ---- at random -----------------------------------------------------------------------------------------------------


def random_cases(rng):
    """Yield (name, bytes, expected) without end."""
    while True:
        for make in rng.sample(SCENARIOS, 5):
            made = make()
            yield from damaged(rng, f"scenario-{made.name}", made.data, Expected.of(made.truth), 4)
        for definition, truth in drawn_recordings(rng.randrange(2**32), 10):
            yield from damaged(rng, "drawn", encode_definition(definition), Expected.of(truth), 8)


def random_picostream(rng):
    """Yield (name, bytes, None) of PicoStream's files without end."""
    while True:
        with tempfile.TemporaryDirectory() as folder:
            made = rng.choice(PICOSTREAM)(folder)
            data = made.path.read_bytes()
        yield from damaged(rng, f"picostream-{made.name}", data, None, 8, kinds=ANYWHERE)


def random_jls1(rng):
    """Yield (name, bytes, expected) of JLS v1 files that were whole, without end."""
    while True:
        with tempfile.TemporaryDirectory() as folder:
            made = rng.choice(JLS1)(folder)
            floats = made.made.definition.floats
            # Which producer made samples shows in a few of them, which may be lost
            if not made.made.is_whole or made.truth("off").missing or (floats and floats.producer == "b"):
                continue
            data, expected = whole(made.made.definition, made.path)
            if data != made.made.data:
                continue
        # Sectors that were exchanged, or lost, still have their checksums: the format does not number its records
        yield from damaged(rng, f"jls1-{made.name}", data, expected, 8, kinds=IN_PLACE)


def random_miniscope(rng):
    """Yield (name, bytes, what holds them to what was sent) of streams without end."""
    while True:
        seed, layout = rng.randrange(2**32), rng.choice(LAYOUTS)
        sent = sent_of(tiny(layout=layout, buffer_block_length=6), seed)
        data, held = np.packbits(sent.bits).tobytes(), functools.partial(miniscope_is_right, sent, seed)
        yield from damaged(rng, f"miniscope-{layout}", data, held, 8, kinds=ANYWHERE)


def miniscope_is_right(sent, seed, path):
    """Hold a damaged stream to what was sent; return whether it opened."""
    buffers_are_right(path, sent, whole=False)
    return hold(path, options_of(sent.config), np.random.default_rng(seed))


def drawn_recordings(seed, count):
    """Return recordings as Hypothesis draws them."""
    found = []

    @seeded(seed)
    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(recordings(closed=None, omit=True, releases=list(set(RELEASES) - {"0.3.4"})))
    def draw(drawn):
        found.append(drawn)

    draw()
    return found


def damaged(rng, name, data, expected, count, kinds=None):
    """Yield a recording in ``count`` states of damage, each of one or several kinds."""
    for _ in range(count):
        broken = data
        chosen = [rng.choice(kinds or KINDS) for _ in range(rng.choice([1, 1, 2, 3, 6]))]
        for kind in chosen:
            if broken:
                broken = kind(rng, broken)
        yield f"{name}-{'-'.join(kind.__name__ for kind in chosen)}", broken, expected


def one_flip(rng, data):
    return flip(data, rng.randrange(len(data)), rng.randrange(8))


def zeros(rng, data):
    start, stop = span(rng, data)
    return zero(data, start, stop)


def noise(rng, data):
    start, stop = span(rng, data)
    return data[:start] + rng.randbytes(stop - start) + data[stop:]


def cut(rng, data):
    return truncate(data, rng.randrange(len(data)))


def swap(rng, data):
    """Exchange two sectors, as a failing disk may."""
    a, b = (rng.randrange(len(data) // 512 + 1) * 512 for _ in range(2))
    if len(data) < max(a, b) + 512 or a == b:
        return data
    a, b = sorted((a, b))
    return data[:a] + data[b : b + 512] + data[a + 512 : b] + data[a : a + 512] + data[b + 512 :]


def drop(rng, data):
    """Lose a sector: all that follows moves up."""
    start = rng.randrange(len(data) // 512 + 1) * 512
    return data[:start] + data[start + 512 :]


def broken_header(rng, data):
    """Break the header of one chunk."""
    chunk = rng.choice(chunks_of(data) or [None])
    return data if chunk is None else flip(data, chunk.offset + rng.randrange(32), rng.randrange(8))


ANYWHERE = [one_flip, one_flip, zeros, noise, cut, swap, drop]
"""Kinds of damage to any bytes."""
IN_PLACE = [one_flip, one_flip, zeros, noise, cut]
"""Kinds of damage that leave whatever is not broken in its place."""
KINDS = [*ANYWHERE, broken_header]
"""All kinds of damage whose truth is known: what is left of the samples, or gaps."""


def span(rng, data):
    start = rng.randrange(len(data))
    return start, min(len(data), start + rng.choice([8, 64, 512, 4096, 20_000]))


if __name__ == "__main__":
    sys.exit(main())

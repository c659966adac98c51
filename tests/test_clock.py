"""The clock equals Python's own big-integer arithmetic, forwards and backwards, in every window, stride and join."""

import pickle
from bisect import bisect_right
from fractions import Fraction

import numpy as np
import pytest
from dask.base import tokenize
from hypothesis import given, settings
from hypothesis import strategies as st

from xjls.errors import SelectionError
from xjls.model.clock import NEVER, Clock
from xjls.model.exact import Line, floor_line, floor_sum
from xjls.model.segments import MAX_DENOMINATOR, checked_table
from xjls.model.ties import Ties

RATES = [2_000_000, 1_000_000, 1_000_003, 999_983, 44_100, 1_999_993, Fraction(1_999_993, 7), Fraction(1, 3), 3 * 10**9]
UTC_NS = 1_772_359_200_123_456_789


def big_time(ids, times, position, rate):
    """The rule of the specification in Fractions: linear between ties, end segments or the nominal rate outside."""
    slope = Fraction(10**9) / rate
    if len(ids) == 1:
        return (times[0] + (position - ids[0]) * slope).__floor__()
    k = min(max(bisect_right(ids, position) - 1, 0), len(ids) - 2)
    tied = Fraction(times[k + 1] - times[k], ids[k + 1] - ids[k])
    is_outside = position < ids[0] or position >= ids[-1]
    if is_outside and (tied <= 0 or abs(Fraction(10**9) / tied - rate) > rate / 1000):
        anchor = 0 if position < ids[0] else -1
        return (times[anchor] + (position - ids[anchor]) * slope).__floor__()
    return (times[k] + (position - ids[k]) * tied).__floor__()


def jittery(knots, rate=2_000_000, *, first_id=0, seed=1):
    """Ties every ten seconds, up to 40 µs off."""
    rng = np.random.default_rng(seed)
    ids = first_id + np.arange(knots) * 10 * rate + rng.integers(0, 1000, knots)
    times = UTC_NS + np.arange(knots) * 10 * 10**9 + rng.integers(-40_000, 40_001, knots)
    return ids, times


@st.composite
def ties_and_rates(draw):
    rate = draw(st.sampled_from([1, 7, 1000, 44_100, 1_000_003, 2_000_000, Fraction(1000, 3)]))
    ids = sorted(draw(st.sets(st.integers(-(10**7), 10**13), min_size=1, max_size=6)))
    ids = [i for i in ids if i >= -int(3600 * rate)] or [0]
    jitter = draw(st.lists(st.integers(-(10**7), 10**7), min_size=len(ids), max_size=len(ids)))
    if rate < 1000:
        ids = [i // 10**6 for i in ids]
        ids = sorted(set(ids))
    times = [UTC_NS + int(i * 10**9 / Fraction(rate)) + j for i, j in zip(ids, jitter, strict=False)]
    if any(abs(t) > 2**62 for t in times):
        ids, times = ids[:1], [UTC_NS]
    return ids, times, rate


@pytest.mark.parametrize("rate", RATES)
def test_nominal_times_equal_big_integers_over_1e12_samples(rate):
    clock = Clock.nominal(rate, origin_id=123)
    span = 10**12 if rate > 1000 else 10**9
    positions = np.random.default_rng(0).integers(-span // 1000, span, 10_000)
    expected = [((int(p) - 123) * Fraction(10**9) / rate).__floor__() for p in positions]
    assert clock.times(positions).tolist() == expected
    assert [clock.time(int(p)) for p in positions[:50]] == expected[:50]


@pytest.mark.parametrize("rate", RATES)
def test_first_at_or_after_is_the_inverse(rate):
    clock = Clock.nominal(rate).window(17, 10**12, 3)
    positions = np.sort(np.random.default_rng(0).integers(0, 10**11 if rate > 1000 else 10**8, 1000))
    times = clock.times(positions)
    singly = np.array([clock.first_at_or_after(t) for t in times.tolist()])
    for found in (clock.first_at_or_after(times), singly):
        assert np.all(clock.times(found) >= times)
        assert np.all(clock.times(found - 1) < times)
        if rate < 10**9:
            assert np.array_equal(found, positions)


def test_a_single_skewed_segment_of_1e12_samples_needs_long_division():
    ids, times = [0, 10**12 - 11], [UTC_NS, UTC_NS + 500_000 * 10**9 + 12_345]
    clock = Clock.from_ties(ids, times, rate_hz=2_000_000)
    positions = np.random.default_rng(0).integers(-(10**9), 10**12, 5000)
    assert clock.times(positions).tolist() == [big_time(ids, times, int(p), 2_000_000) for p in positions]
    labels = clock.times(positions)
    assert np.array_equal(clock.first_at_or_after(labels), positions)


def test_50_000_jittery_ties():
    ids, times = jittery(50_000)
    clock = Clock.from_ties(ids, times, rate_hz=2_000_000)
    positions = np.random.default_rng(0).integers(0, 10**12, 20_000)
    id_list, time_list = ids.tolist(), times.tolist()
    expected = [big_time(id_list, time_list, int(p), 2_000_000) for p in positions]
    assert clock.times(positions).tolist() == expected
    assert np.array_equal(clock.first_at_or_after(clock.times(positions)), positions)
    assert clock.is_increasing
    window = clock.window(10**11, 9 * 10**11).window(5, 10**11, 7)
    inside = np.random.default_rng(1).integers(0, 10**10, 5000)
    assert np.array_equal(window.times(inside), clock.times(10**11 + 5 + 7 * inside))
    assert window._table.shape[1] < 5003


@settings(deadline=None, max_examples=300)
@given(ties_and_rates(), st.data())
def test_windows_of_windows_keep_every_time(case, data):
    ids, times, rate = case
    clock = Clock.from_ties(ids, times, rate_hz=rate)
    start = data.draw(st.integers(ids[0] - 1000, ids[-1] + 1000))
    size = data.draw(st.integers(1, max(ids[-1] - start, 0) + 5000))
    step = data.draw(st.integers(1, 10**6))
    window = clock.window(start, start + size, step)
    entries = len(range(0, size, step))
    start2 = data.draw(st.integers(0, entries - 1))
    step2 = data.draw(st.integers(1, 1000))
    twice = window.window(start2, entries, step2)
    last = len(range(start2, entries, step2)) - 1
    for n in {0, last, last // 2, *data.draw(st.lists(st.integers(0, last), max_size=8))}:
        position = start + (start2 + n * step2) * step
        assert twice.time(n) == clock.time(position) == big_time(ids, times, position, rate)


@settings(deadline=None, max_examples=200)
@given(ties_and_rates(), st.data())
def test_two_halves_are_the_whole(case, data):
    ids, times, rate = case
    clock = Clock.from_ties(ids, times, rate_hz=rate)
    start = data.draw(st.integers(ids[0] - 1000, ids[-1] + 1000))
    step = data.draw(st.integers(1, 10**6))
    sizes = data.draw(st.lists(st.integers(0, max((ids[-1] - start) // step, 0) + 100), min_size=2, max_size=4))
    total = sum(sizes)
    whole = clock.window(start, start + total * step, step)
    parts, position = [], start
    for size in sizes:
        parts.append((clock.window(position, position + size * step, step), size))
        position += size * step
    joined = Clock.concatenated(parts)
    assert joined.same_as(whole, total)
    if total:
        assert joined == whole


def test_ties_on_one_line_are_one_segment():
    """Whichever of its ties a clock is cut at, the parts are the whole again."""
    clock = Clock.from_ties([0, 1, 2, 10, 20], [5, 1_000_005, 2_000_005, 10_000_005, 20_000_105], rate_hz=1000)
    assert clock._table.shape == (6, 2)
    assert clock.times(np.array([0, 1, 2, 9, 10, 20])).tolist() == [5, 1000005, 2000005, 9000005, 10000005, 20000105]
    assert len(clock.ties.sample_ids) == 5
    parts = [(clock.window(0, 1), 1), (clock.window(1, 2), 1), (clock.window(2, 20), 18)]
    assert Clock.concatenated(parts) == clock.window(0, 20)


def test_a_gap_adds_one_segment():
    clock = Clock.nominal(44_100)
    joined = Clock.concatenated([(clock.window(0, 100), 100), (clock.window(150, 10**10), 10**10 - 150)])
    assert joined._table.shape == (6, 2)
    assert joined.time(99) == clock.time(99)
    assert joined.time(100) == clock.time(150)
    assert joined.time(10**9) == clock.time(10**9 + 50)
    assert joined.seconds(np.array([99, 100])).tolist() == [99 / 44_100, 150 / 44_100]


def test_joining_utc_with_none_says_what_to_do():
    tied, free = Clock.from_ties([0], [UTC_NS], rate_hz=10), Clock.nominal(10)
    with pytest.raises(SelectionError, match='time="seconds"'):
        Clock.concatenated([(tied, 3), (free, 3)])
    with pytest.raises(ValueError, match="no clocks"):
        Clock.concatenated([])
    assert Clock.concatenated([(free, 0), (free, 0)]).same_as(free, 10)


def test_ties_follow_the_rules_of_the_specification():
    rate = 1000
    ids = [-3_600_001, 0, 1000, 1000, 500, 2000]
    times = [5, 0, 7, 10**9, 123, 2 * 10**9]
    ties = Ties.chosen(ids, times, rate_hz=rate)
    assert ties.sample_ids.tolist() == [0, 1000, 2000]
    assert ties.times_ns.tolist() == [0, 10**9, 2 * 10**9]
    assert (ties.early.tolist(), ties.replaced.tolist(), ties.unsorted.tolist()) == ([0], [2], [4])
    assert ties.ignored.tolist() == [0, 2, 4]
    assert len(ties) == 3
    assert Ties.chosen([-3_600_000, 0], [1, 2], rate_hz=rate).early.size == 0


def test_an_early_tie_counts_when_it_is_the_only_one():
    clock = Clock.from_ties([-10_000_000], [UTC_NS], rate_hz=1000)
    assert clock.ties.ignored.size == 0
    assert clock.time(0) == UTC_NS + 10_000 * 10**9


def test_ids_count_from_anywhere():
    first_id = 3 * 10**12
    clock = Clock.from_ties([first_id + 5], [UTC_NS], rate_hz=1_000_000, first_id=first_id)
    window = clock.window(first_id, first_id + 100)
    assert window.time(5) == UTC_NS
    assert window.seconds(np.array([0, 5])).tolist() == [0.0, 5e-6]


def test_odd_end_segments_give_way_to_the_nominal_rate():
    # the middle is honest, both ends are 10 % off
    ids, times = [0, 1000, 2000, 3000], [0, 1_100_000_000, 2_100_000_000, 3_200_000_000]
    clock = Clock.from_ties(ids, times, rate_hz=1000)
    assert clock.time(-1000) == -(10**9)
    assert clock.time(500) == 550_000_000
    assert clock.time(4000) == 4_200_000_000
    near = Clock.from_ties([0, 1000], [0, 1_000_900_000], rate_hz=1000)
    assert near.time(-1000) == -1_000_900_000
    assert near.time(2000) == 2_001_800_000


def test_one_tie_is_the_nominal_rate_through_it():
    clock = Clock.from_ties([70], [UTC_NS], rate_hz=44_100)
    assert clock.same_as(Clock.nominal(44_100, origin_id=70, origin_ns=UTC_NS), 10**9)
    assert clock.utc
    assert not Clock.nominal(44_100).utc


def test_utc_that_runs_backwards_evaluates_and_refuses_searches():
    clock = Clock.from_ties([0, 1000, 2000], [10**9, 2 * 10**9, 10**9], rate_hz=1000)
    assert clock.times(np.array([0, 500, 1000, 1500, 2000, 3000])).tolist() == [
        10**9, 1_500_000_000, 2 * 10**9, 1_500_000_000, 10**9, 2 * 10**9,
    ]  # fmt: skip
    assert not clock.is_increasing
    assert clock.increasing(0, 1001)
    assert not clock.increasing(0, 1002)
    assert clock.increasing(2000, 5000)
    with pytest.raises(SelectionError, match=r'run backwards.*isel.*time="seconds"'):
        clock.first_at_or_after(5)
    assert clock.window(0, 900).first_at_or_after(1_500_000_000) == 500


def test_a_jump_back_between_segments_is_not_increasing():
    clock = Clock.nominal(1000)
    joined = Clock.concatenated([(clock.window(100, 200), 100), (clock.window(0, 100), 100)])
    assert not joined.is_increasing
    assert joined.increasing(0, 100)
    assert not joined.increasing(0, 101)


def test_falling_before_a_gap_is_not_increasing():
    falling = Clock.from_ties([0, 1000, 2000], [10**9, 2 * 10**9, 10**9], rate_hz=1000)
    joined = Clock.concatenated([(falling.window(1000, 1500), 500), (falling.window(5000, 6000), 1000)])
    assert joined.time(500) > joined.time(0)
    assert not joined.is_increasing
    assert joined.increasing(500, 1500)


def test_a_clock_that_stands_still_has_no_time_after():
    clock = Clock.from_ties([0, 10, 20], [0, 10**7, 10**7], rate_hz=1000).window(0, 15)
    assert clock.is_increasing
    assert clock.first_at_or_after(10**7) == 10
    assert clock.first_at_or_after(10**7 + 1) == NEVER
    assert clock.first_at_or_after(np.full(20, 10**7 + 1)).tolist() == [NEVER] * 20


@pytest.mark.parametrize("rate", [2_000_000, 44_100, 3, 1_000_003, Fraction(1_999_993, 7)])
def test_seconds_are_the_quotient_rounded_once_in_every_window(rate):
    clock = Clock.nominal(rate, origin_id=5, origin_ns=77)
    ids = np.random.default_rng(0).integers(5, 10**12 if rate > 1000 else 10**9, 500)
    expected = [float((int(i) - 5) / Fraction(rate)) for i in ids]
    assert clock.seconds(ids).tolist() == expected
    for i, second in zip(ids[:40].tolist(), expected, strict=False):
        assert clock.window(i % 1000, 10**12, 1000).seconds(i // 1000) == second
        assert clock.first_at_or_after_seconds(second) == i
    assert np.array_equal(clock.first_at_or_after_seconds(np.array(expected)), ids)
    assert clock.elapsed().seconds(ids).tolist() == expected


def test_seconds_with_ties_are_whole_nanoseconds_from_the_first_sample():
    ids, times = jittery(100)
    clock = Clock.from_ties(ids, times, rate_hz=2_000_000, first_id=50)
    window = clock.window(50, 10**9)
    positions = np.arange(0, 10**9, 10**6)
    assert window.seconds(positions)[0] == 0
    assert np.array_equal(window.seconds(positions), (window.times(positions) - window.time(0)) / 1e9)
    strided = window.window(10**6, 10**9, 10**6)
    assert np.array_equal(strided.seconds(positions[:-1] // 10**6), window.seconds(positions[1:]))
    assert np.array_equal(window.first_at_or_after_seconds(window.seconds(positions)), positions)
    assert np.array_equal(window.elapsed().seconds(positions), window.seconds(positions))


def test_far_seconds_are_never_reached():
    clock = Clock.nominal(1000)
    assert clock.first_at_or_after_seconds(float("inf")) == NEVER
    assert clock.first_at_or_after_seconds(1e300) == NEVER
    assert clock.first_at_or_after_seconds(float("-inf")) < 0


def test_same_as_compares_functions():
    clock = Clock.nominal(2_000_000)
    assert clock.window(0, 10**12, 1000).same_as(Clock.nominal(2000), 10**9)
    assert not clock.same_as(clock.window(1, 10**9), 10)
    assert not clock.same_as(Clock.nominal(2_000_001), 10**9)
    # floors of different lines may agree for a while
    assert Clock.nominal(3).same_as(Clock.nominal(Fraction(3_000_000_001, 10**9)), 1)
    assert clock.same_as(Clock.nominal(1), 0)
    tied = Clock.from_ties([0, 10, 20, 30], [0, 5000, 10_000, 15_000], rate_hz=2_000_000)
    assert tied != clock
    assert tied.same_as(clock, 10**6)


@given(*[st.integers(-50, 50)] * 4, st.integers(1, 40), st.integers(1, 40), st.integers(-3, 3), st.integers(0, 60))
def test_lines_agree_where_their_floors_do(a1, r1, a2, r2, d1, d2, whole, count):
    one, other = Line(0, a1, r1, d1), Line(whole, a2, r2, d2)
    assert one.agrees(other, count) == all(one.at(n) == other.at(n) for n in range(count))
    assert floor_sum(count, a1, r1, d1) == sum((n * a1 + r1) // d1 for n in range(count))


def test_lines_that_cross_do_not_agree_by_equal_sums():
    assert not Line(0, 1, 0, 1).agrees(Line(2, -1, 0, 1), 3)


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=20), st.data())
def test_floor_line_divides_exactly(n, data):
    bits = data.draw(st.integers(1, 60))
    d = data.draw(st.integers(1, 2**bits))
    a, r = data.draw(st.integers(0, d - 1)), data.draw(st.integers(0, d - 1))
    assert floor_line(np.array(n), a, r, d).tolist() == [(i * a + r) // d for i in n]
    assert floor_line(np.array(n[:1]), np.array([a]), np.array([r]), np.array([d])).tolist() == [(n[0] * a + r) // d]


def test_pickles_small_and_stays_read_only():
    clock = pickle.loads(pickle.dumps(Clock.nominal(44_100).window(5, 10**10)))
    assert clock == Clock.nominal(44_100).window(5, 10**10)
    assert len(pickle.dumps(clock)) < 250
    with pytest.raises(ValueError, match="read-only"):
        clock._table[0, 0] = 1
    tied = pickle.loads(pickle.dumps(Clock.from_ties([0, 10], [0, 10**7], rate_hz=1000)))
    assert tied.ties.sample_ids.tolist() == [0, 10]


def test_tokens_follow_the_function_not_the_object():
    def make():
        return Clock.from_ties([0, 10], [0, 10**7], rate_hz=1000)

    assert tokenize(make()) == tokenize(make())
    assert tokenize(make()) != tokenize(make().window(1, 10))
    assert hash(make()) == hash(make())
    assert make() == make()
    assert make() != "a clock"


def test_repr_says_rate_and_segments():
    assert repr(Clock.nominal(44_100)) == "<Clock 44100 Hz>"
    assert repr(Clock.from_ties([0, 10, 20], [0, 10, 30], rate_hz=10**9)) == "<Clock 1000000000 Hz, 3 segments, UTC>"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.zeros((5, 1)), "6 rows"),
        (np.zeros((6, 0)), "6 rows"),
        (np.ones((6, 2)), "must increase"),
        ([[0], [0], [0], [0], [0], [0]], "denominators"),
        ([[0], [0], [0], [0], [0], [MAX_DENOMINATOR]], "denominators"),
        ([[0], [0], [0], [3], [0], [3]], "remainders"),
        ([[0], [0], [0], [0], [-1], [3]], "remainders"),
    ],
)
def test_tables_are_checked(table, message):
    with pytest.raises(ValueError, match=message):
        checked_table(np.array(table))
    with pytest.raises(ValueError, match=message):
        Clock(np.array(table), utc=False)


def test_arguments_are_checked():
    with pytest.raises(TypeError, match="int or a Fraction"):
        Clock.nominal(44_100.0)
    with pytest.raises(ValueError, match="above 0 Hz"):
        Clock.nominal(0)
    with pytest.raises(ValueError, match="stride"):
        Clock.nominal(1).window(0, 10, -1)
    with pytest.raises(ValueError, match="do not make ties"):
        Clock.from_ties([0, 1], [5], rate_hz=10)
    with pytest.raises(ValueError, match="do not make ties"):
        Clock.from_ties([], [], rate_hz=10)
    with pytest.raises(TypeError, match="integers"):
        Clock.from_ties([0.5], [5], rate_hz=10)
    with pytest.raises(SelectionError, match="1677 to 2262"):
        Clock.nominal(1).times([0, 10**10])
    with pytest.raises(SelectionError, match="longer than int64"):
        Clock.nominal(1).window(0, 10**12, 10**11)
    assert Clock.nominal(1).window(0, 1, 10**11).time(0) == 0
    with pytest.raises(ValueError, match="must increase"):
        Ties(*[np.array([1, 1])] * 5)
    with pytest.raises(ValueError, match="do not make ties"):
        Ties(*[np.array([], np.int64)] * 5)

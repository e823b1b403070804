"""The agenda of the simulated world: exact, lazy, and the same however it is asked."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine import Engine, us


def noting(engine: Engine, notes: list[tuple[str, int]], name: str) -> Callable[[], None]:
    return lambda: notes.append((name, engine.now_us))


@pytest.mark.parametrize(("seconds", "expected"), [(1.5, 1_500_000), (0.0000005, 0), (0.0000015, 2), (-1, -1_000_000)])
def test_seconds_become_whole_microseconds(seconds: float, expected: int) -> None:
    assert us(seconds) == expected


def test_what_is_due_runs_at_its_own_instant_and_in_order_not_at_the_callers() -> None:
    engine, notes = Engine(0), []
    engine.at(30, noting(engine, notes, "c"))
    engine.at(10, noting(engine, notes, "a"))
    engine.after(20, noting(engine, notes, "b"))
    engine.advance(25)
    assert notes == [("a", 10), ("b", 20)]
    assert engine.now_us == 25


def test_an_event_exactly_now_is_due() -> None:
    engine, notes = Engine(0), []
    engine.at(10, noting(engine, notes, "a"))
    engine.advance(9)
    assert notes == []
    engine.advance(10)
    assert notes == [("a", 10)]


def test_equal_instants_run_in_the_order_in_which_they_were_planned() -> None:
    engine, notes = Engine(0), []
    for name in "abcdef":
        engine.at(5, noting(engine, notes, name))
    engine.advance(5)
    assert [name for name, _ in notes] == list("abcdef")


def test_what_an_event_plans_within_the_same_advance_runs_too() -> None:
    engine, notes = Engine(0), []
    engine.at(10, lambda: engine.after(10, noting(engine, notes, "child")))
    engine.advance(20)
    assert notes == [("child", 20)]


def test_a_past_instant_is_taken_as_now() -> None:
    engine, notes = Engine(100), []
    engine.at(50, noting(engine, notes, "late"))
    engine.advance(100)
    assert notes == [("late", 100)]


def test_time_never_runs_back() -> None:
    engine = Engine(100)
    engine.advance(40)
    assert engine.now_us == 100


def test_a_cancelled_event_does_nothing_and_is_no_next_event() -> None:
    engine, notes = Engine(0), []
    first = engine.at(10, noting(engine, notes, "a"))
    engine.at(20, noting(engine, notes, "b"))
    first.cancel()
    assert engine.next_us() == 20
    engine.advance(30)
    assert notes == [("b", 20)]
    assert engine.next_us() is None


@given(st.lists(st.integers(0, 1000), max_size=40), st.lists(st.integers(0, 1000), max_size=10))
def test_many_small_advances_and_one_large_one_are_the_same(planned: list[int], looks: list[int]) -> None:
    def history(stops: list[int]) -> list[tuple[str, int]]:
        engine, notes = Engine(0), []
        for index, at in enumerate(planned):
            engine.at(at, noting(engine, notes, str(index)))
        for stop in stops:
            engine.advance(stop)
        return notes

    assert history([*sorted(looks), 1000]) == history([1000])

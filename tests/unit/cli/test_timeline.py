"""The timeline as lines of text: bars at their places, within the width."""

from typing import Any

import pytest

from server.cli.history import drawn, took


def bar(start: int, end: int | None, **members: Any) -> dict[str, Any]:
    return {
        "seq": 1, "kind": "state", "name": "One", "detail": "", "depth": 0,
        "start": time(start), "end": None if end is None else time(end),
        "duration_ms": None if end is None else (end - start) * 1_000,
        "outcome": "completed", **members,
    }  # fmt: skip


def time(second: int) -> str:
    return f"2026-01-01T00:00:{second:02}.000Z"


def timeline(*bars: dict[str, Any], closed: int | None = 10) -> dict[str, Any]:
    return {
        "id": "ex_1", "status": "completed", "started_at": time(0),
        "closed_at": None if closed is None else time(closed), "last_at": time(10),
        "bars": list(bars),
    }  # fmt: skip


def chart(line: str) -> str:
    return line.split("|")[1]


def test_a_bar_stands_where_its_time_is() -> None:
    found = timeline(
        bar(0, 5), bar(5, 10, kind="action"), bar(9, 9, outcome="failed"), bar(8, None)
    )
    first, second, third, fourth = drawn(found, 80)[1:]
    width = len(chart(first))
    assert chart(first).rstrip() == "=" * round(width / 2)
    assert chart(second).lstrip() == "#" * (width - int(width / 2))
    assert chart(third).count("x") == 1
    assert chart(fourth).endswith(">")
    assert fourth.endswith("open")


@pytest.mark.parametrize("width", [40, 57, 80, 200])
def test_lines_fit_the_width(width: int) -> None:
    found = timeline(
        bar(0, 10), bar(1, 1, name="a" * 300, depth=9), bar(3, None, name="\x1b[31m" * 5),
        bar(2, 4, kind="iteration", detail="iteration 12"),
    )  # fmt: skip
    lines = drawn(found, width)
    assert all(len(line) <= width for line in lines)
    assert len({len(line) for line in lines[1:]}) == 1
    assert "\x1b" not in "".join(lines)
    assert "iteration" in lines[4]


def test_an_execution_that_took_no_time_is_drawn() -> None:
    found = timeline(bar(0, 0), closed=0)
    assert "=" in drawn({**found, "last_at": time(0)}, 80)[1]


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [
        (None, ""),
        (0, "0 ms"),
        (999, "999 ms"),
        (1_500, "1.5 s"),
        (61_000, "1 min 1 s"),
        (7_260_000, "2 h 1 min"),
        (200_000_000, "2 d 7 h"),
    ],
)
def test_durations_are_read_by_people(duration_ms: int | None, text: str) -> None:
    assert took(duration_ms) == text

"""ISO 8601 durations to milliseconds."""

import pytest

from engine.dialects.duration import BadDuration, duration_ms


@pytest.mark.parametrize(
    ("text", "length_ms"),
    [
        ("PT0S", 0), ("PT1S", 1000), ("PT0.25S", 250), ("PT0,5S", 500), ("PT0.0009S", 0),
        ("PT1M", 60_000), ("PT1.5M", 90_000), ("PT1H30M5S", 5_405_000), ("P1D", 86_400_000),
        ("P1DT12H", 129_600_000), ("P0.5D", 43_200_000), ("P2W", 1_209_600_000),
        ("PT100M", 6_000_000), ("P3660D", 3660 * 86_400_000),
    ],
)  # fmt: skip
def test_a_duration_has_a_length(text: str, length_ms: int) -> None:
    assert duration_ms(text) == length_ms


@pytest.mark.parametrize(
    "text",
    [
        "", "P", "PT", "P1DT", "1S", "PT1", "PT1X", "pt1s", "PT1s", "PT-1S", "-PT1S", "+PT1S",
        " PT1S", "PT1S ", "PT1S\n", "PT30D", "PT2W", "P1W2D", "PT1S1M", "PT1.5H30M", "PT.5S",
        "PT1.S", "P1.5W", "PT\u0661S", "R/PT1S", "PT1S/PT2S", "PT" + "1" * 70 + "S", "10", "PT1H ",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_the_right_form(text: str) -> None:
    with pytest.raises(BadDuration, match="is no ISO 8601 duration; write days as P30D"):
        duration_ms(text)


@pytest.mark.parametrize("text", ["P1M", "P1Y", "P1Y2M3D", "P1MT1M"])
def test_years_and_months_are_refused_by_name(text: str) -> None:
    with pytest.raises(BadDuration, match="counts years or months"):
        duration_ms(text)


@pytest.mark.parametrize("text", ["P3661D", "PT999999999999S", "P9999W"])
def test_more_than_ten_years_is_refused(text: str) -> None:
    with pytest.raises(BadDuration, match="longer than ten years"):
        duration_ms(text)

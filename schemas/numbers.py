"""Numbers as workflow data carries them.

A number that came from a text keeps that text for as long as nobody calculates with it; what is
calculated is an IEEE double, as in jq. Four Python types stand for the one JSON type:

- `int`: an integer literal of any length, or a calculated integer below 2**53 in magnitude;
- `float`: a literal that its shortest decimal form reproduces to the byte;
- `LiteralNumber`: any other literal (`1.10`, `1e2`, `-0`, 30 digits), with its text;
- `ComputedNumber`: a calculated number that is not one of those integers.

Two literals are compared by their decimal value, anything else as doubles, as libjq 1.8 does.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from math import copysign, isnan
from typing import TypeAlias

SAFE_INTEGER = 2**53
LARGEST_DOUBLE = 1.7976931348623157e308
_INFINITY = float("inf")
_SEVENTEEN = Context(prec=17, traps=[])
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_WIDEST = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])

Number: TypeAlias = int | float


class LiteralNumber(float):
    """A number that remembers how it was written; as a float, the double that jq calculates
    with: 17 digits are kept, then the nearest double is taken."""

    __slots__ = ("text",)
    text: str

    @classmethod
    def from_text(cls, text: str) -> LiteralNumber:
        """`text` must be a JSON number."""
        number = cls(_SEVENTEEN.create_decimal(text) if len(text) > 17 else text)
        number.text = text
        return number

    def __reduce__(self) -> tuple[object, ...]:
        return LiteralNumber.from_text, (self.text,)


class ComputedNumber(float):
    """A calculated double that no integer literal stands for exactly."""

    __slots__ = ()


def number_from_text(text: str) -> float:
    """The value of a JSON number with a fraction or an exponent."""
    value = float(text)
    if repr(value) == text and "e" not in text:
        return value
    return LiteralNumber.from_text(text)


def literal_from_text(text: str) -> Number:
    """The value of any JSON number."""
    return int(text) if text.lstrip("-").isdigit() and text != "-0" else number_from_text(text)


def computed(value: float) -> Number:
    """The result of a calculation, as workflow data."""
    if -SAFE_INTEGER < value < SAFE_INTEGER:
        whole = int(value)
        if whole == value and (whole or copysign(1.0, value) > 0):
            return whole
    return ComputedNumber(value)


def as_double(number: Number) -> float:
    """The double that calculations use; an integer too large for one becomes infinite."""
    if type(number) is float:
        return number
    if isinstance(number, int) and not -SAFE_INTEGER < number < SAFE_INTEGER:
        try:
            return float(_SEVENTEEN.create_decimal(number))
        except OverflowError:
            return _INFINITY if number > 0 else -_INFINITY
    return float(number)


def as_decimal(number: Number) -> Decimal:
    """The decimal value of a literal, without rounding; infinite, or 0, where its exponent has more
    than 18 digits."""
    if isinstance(number, LiteralNumber):
        return _WIDEST.create_decimal(number.text)
    return Decimal(number) if isinstance(number, int) else Decimal(repr(number))


def compare_numbers(left: Number, right: Number) -> int:
    """-1, 0 or 1. Literals by their decimal value, calculated numbers as doubles."""
    if isinstance(left, int) and isinstance(right, int):
        return (left > right) - (left < right)
    first, second = as_double(left), as_double(right)
    if first != second:
        return -1 if first < second or isnan(first) else 1
    if type(left) is ComputedNumber or type(right) is ComputedNumber:
        return 0
    if type(left) is float and type(right) is float:
        return 0
    return int(_EXACT.compare(as_decimal(left), as_decimal(right)))


def number_to_text(number: Number) -> str:
    """The JSON text jq prints for a number (`tostring`, string interpolation)."""
    if isinstance(number, int):
        return str(number)
    if isinstance(number, ComputedNumber):
        return _double_to_text(number)
    value = as_decimal(number)
    return str(value) if value.is_finite() else _double_to_text(number)


def _double_to_text(value: float) -> str:
    """A double by its shortest digits, with an exponent only where jq writes one."""
    if value in (_INFINITY, -_INFINITY):
        value = LARGEST_DOUBLE if value > 0 else -LARGEST_DOUBLE
    sign, digit_tuple, exponent = Decimal(repr(value)).normalize(_EXACT).as_tuple()
    assert isinstance(exponent, int)
    digits = "".join(map(str, digit_tuple))
    minus = "-" if sign else ""
    if digits == "0":
        return minus + "0"
    point = len(digits) + exponent
    if point <= -4 or point > len(digits) + 15:
        mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        power = point - 1
        return f"{minus}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return minus + digits + "0" * (point - len(digits))
    return f"{minus}{digits[:point]}.{digits[point:]}"


def negated(number: Number) -> Number:
    """Unary minus: exact on literals."""
    if isinstance(number, int):
        return -number
    if isinstance(number, ComputedNumber):
        return computed(-number)
    value = as_decimal(number)
    return literal_from_text(str(_EXACT.minus(value))) if value.is_finite() else computed(-number)


def magnitude(number: Number) -> Number:
    """The absolute value: exact on literals."""
    if isinstance(number, int):
        return abs(number)
    if isinstance(number, ComputedNumber):
        return computed(abs(number))
    value = as_decimal(number)
    return literal_from_text(str(_EXACT.abs(value))) if value.is_finite() else computed(abs(number))

"""Answers about two executions side by side."""

from typing import Any

from pydantic import BaseModel


class ComparedEvent(BaseModel):
    """An event in a comparison; its data is in the log under the same seq."""

    seq: int
    type: str
    name: str
    branch: int | None
    iteration: int | None
    attempt: int | None
    at: str
    told: str


class ComparedPair(BaseModel):
    """Two events side by side; null: there is none on that side. `changes` is the JSON Patch that
    makes the right body of the left one, without what two runs never share (times, own numbers);
    `was` of an operation is the value on the left."""

    left: ComparedEvent | None
    right: ComparedEvent | None
    same: bool
    changes: list[dict[str, Any]] = []


class Comparison(BaseModel):
    """Two histories. `common`: events at the beginning that one copied from the other, or both from
    a third; they are not listed. `first_divergence`: index of the first of `pairs` that differs.
    `complete`: the logs were compared to their ends."""

    left: str
    right: str
    common: int
    same: bool
    complete: bool
    first_divergence: int | None
    pairs: list[ComparedPair]

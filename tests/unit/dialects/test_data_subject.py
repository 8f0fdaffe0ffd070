"""Whose data an execution holds is an expression in the metadata of its definition."""

from engine.dialects.cncf_v08 import program_of

DEFINITION = b"""
id: w
version: "1"
specVersion: "0.8"
start: S
metadata: {refold/dataSubject: "${ .customer.id }", team: "${ red }"}
states:
- {name: S, type: inject, data: {a: 1}, end: true}
"""


def test_it_is_compiled_and_all_other_metadata_stays_as_it_is() -> None:
    program = program_of(DEFINITION, "application/yaml")
    assert program.metadata == {"refold/dataSubject": ".customer.id", "team": "${ red }"}

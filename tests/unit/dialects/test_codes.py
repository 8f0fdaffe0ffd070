"""The table of codes is complete, and every code in it can happen."""

import re
from pathlib import Path

from engine.dialects.cncf_v08.codes import (
    CODES,
    MEANING_CODES,
    SHAPE_CODES,
    SOURCE_CODES,
    WARNING_CODES,
)
from engine.model import limits
from schemas.dsl.cncf_v08.base import MAX_NAME_CHARACTERS
from tests.unit.dialects.bad_definitions import ALL_BAD

DIALECTS = Path(__file__).resolve().parents[3] / "engine" / "dialects"


def test_the_table_has_exactly_the_codes_that_the_sources_name() -> None:
    named: set[str] = set()
    for file in [*DIALECTS.rglob("*.py")]:
        if file.name == "codes.py":
            continue
        text = file.read_text()
        named |= set(re.findall(r'"(definition\.[a-z_.]*[a-z])"', text))
        if file.parent.name == "source":
            named |= {
                f"definition.source.{code}"
                for code in re.findall(
                    r'(?:unreadable|_refusal|_refuse)\(\s*(?:builder, place, )?"([a-z_]+)"', text
                )
            }
    kinds = ("state", "function", "event", "retry", "error")
    named |= {f"definition.{kind}.unknown" for kind in kinds}
    named |= {f"definition.expression.{code}" for code in ("syntax", "refused", "limit")}
    assert named - {"definition.refused"} == set(CODES)


def test_a_name_is_as_long_in_the_schema_as_in_the_limits() -> None:
    assert limits.MAX_NAME_CHARACTERS == MAX_NAME_CHARACTERS


def test_the_groups_do_not_overlap_and_each_code_says_what_to_do() -> None:
    groups = [SOURCE_CODES, SHAPE_CODES, MEANING_CODES, WARNING_CODES]
    assert sum(map(len, groups)) == len(CODES)
    for code, advice in CODES.items():
        assert re.fullmatch(r"definition(\.[a-z_]+){1,3}", code)
        assert re.fullmatch(r"[A-Z].{10,100}\.", advice)


def test_each_code_of_shape_and_meaning_has_a_wrong_definition() -> None:
    elsewhere = {"definition.resource_section"}
    assert {case.code for case in ALL_BAD} | elsewhere == set(SHAPE_CODES) | set(MEANING_CODES)

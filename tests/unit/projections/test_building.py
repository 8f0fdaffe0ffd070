"""While read tables are built, the API says so and when to come back."""

import pytest

from projections.generations import ReadSideBuilding, Shape
from server.api.door.problem import problem_of, problem_response


@pytest.mark.parametrize(("shape", "words"), [("older", "built anew"), ("newer", "upgrade")])
def test_a_question_that_must_wait_is_answered_503(shape: Shape, words: str) -> None:
    response = problem_response(problem_of(ReadSideBuilding(shape)))
    assert response.status == 503
    assert response.headers["Retry-After"]
    assert b"projection.building" in response.body
    assert words.encode() in response.body

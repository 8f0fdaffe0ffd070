"""`refold exec history` and `refold admin projection`: the read side as a user meets it."""

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

from tests.integration.conftest import NAP, REFOLD, Refold


def ended(refold: Refold, execution: str) -> dict[str, Any] | None:
    """The history, once the projector has read the execution's end."""
    history = json.loads(refold.cli("exec", "history", execution, "-o", "json").body)
    return history if history["status"] == "completed" else None


def test_the_history_is_shown_and_survives_a_rebuild(
    refold: Refold, eventually: Callable[[Callable[[], Any]], Any]
) -> None:
    workflow = refold.apply(NAP.replace("{duration}", "PT0.1S"))
    execution = refold.start(workflow, 20)["id"]
    history = eventually(lambda: ended(refold, execution))
    assert history["scopes"]
    assert all(one["left_at"] and one["outcome"] == "completed" for one in history["scopes"])

    database = {"REFOLD_DATABASE_URL": refold.database}
    built = refold.cli("admin", "projection", "rebuild", "-o", "json", **database)
    assert built.status == 0, built.headers
    assert ended(refold, execution) == history
    rows = json.loads(refold.cli("admin", "projection", "ls", "-o", "json", **database).body)
    assert {row["generation"] for row in rows["items"]} == {built.json["generation"]}
    later = refold.start(workflow, 20)["id"]
    assert eventually(lambda: ended(refold, later))


def test_an_unknown_execution_has_no_history(refold: Refold) -> None:
    answer = refold.cli("exec", "history", "ex_" + "0" * 26)
    assert answer.status == 3
    assert "there is no execution" in answer.headers["stderr"]


def test_without_a_database_upkeep_says_what_to_set() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("REFOLD_")}
    answer = subprocess.run(
        [*REFOLD, "admin", "projection", "ls"], env=environment, capture_output=True, check=False
    )
    assert answer.returncode == 2
    assert b"REFOLD_DATABASE_URL" in answer.stderr

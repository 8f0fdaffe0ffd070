"""docs/time-travel.md, done as it stands: what its commands print is what the page shows."""

import shutil
from pathlib import Path

from tests.docs.console_page import ConsolePage, fresh_refold
from tests.integration.conftest import Refold

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "time-travel.md"
STORY = ROOT / "examples" / "wrong-price"


def test_what_the_page_shows_is_what_is_printed(tmp_path: Path) -> None:
    folder = tmp_path / "wrong-price"
    shutil.copytree(STORY, folder, ignore=shutil.ignore_patterns("__pycache__"))
    with fresh_refold(tmp_path, "--functions", str(folder / "functions")) as refold:
        page = ConsolePage(PAGE, folder, refold.url)
        assert len(page.runs) == 14
        page.check()
        assert charges(refold) == [7900, 12800, 12800, 129000, 1280000, 1280000]


def charges(refold: Refold) -> list[int]:
    """What the bank was really asked for, all executions together: nobody is charged by a question,
    and each wrong charge is followed by one right one."""
    asked = [
        event["data"]
        for execution in refold.ask("GET", "/executions").json["items"]
        for event in refold.ask("GET", f"/executions/{execution['id']}/events").json["items"]
        if event["type"] == "ActionScheduled" and event["data"]["function"] == "charge"
    ]
    real = [one for one in asked if one.get("answered_by", "live") == "live"]
    return sorted(one["arguments"]["due"]["amount"] for one in real)

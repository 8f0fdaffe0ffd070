"""docs/fork.md, done as it stands: what its commands print is what the page shows."""

from pathlib import Path

from tests.docs.console_page import ConsolePage, fresh_refold

PAGE = Path(__file__).parents[2] / "docs" / "fork.md"


def test_what_the_page_shows_is_what_is_printed(tmp_path: Path) -> None:
    with fresh_refold(tmp_path) as refold:
        page = ConsolePage(PAGE, tmp_path, refold.url)
        assert len(page.runs) == 6
        page.check()

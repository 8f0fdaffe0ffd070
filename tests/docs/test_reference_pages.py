"""The reference pages say what the program does; `python -m tests.docs.reference` writes them."""

import pytest

from tests.docs.reference import DOCS, PAGES, rendered


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_what_the_program_says(page):
    assert (DOCS / page).read_text() == rendered(page)

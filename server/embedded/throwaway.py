"""Folders for runs whose data nobody needs afterwards."""

import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def throwaway_folder(prefix: str) -> Iterator[Path]:
    """A temporary folder, removed at the end with the Postgres cluster in it."""
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        yield open_to_enter(Path(name))


def open_to_enter(folder: Path) -> Path:
    """Let every account enter the folder, not list it. Started by root, Postgres runs as another
    account: where that one may not enter, its cluster is kept elsewhere, and stays."""
    folder.chmod(folder.stat().st_mode | stat.S_IXGRP | stat.S_IXOTH)
    return folder

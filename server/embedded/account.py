"""Which account a service runs as, and where that account can go.

Postgres refuses to run as root, so root's Postgres runs as `nobody`, or as whoever owns the
cluster already.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from server.embedded.errors import PlaceUnusable


@dataclass(frozen=True)
class Account:
    """A user and its group; extra groups are dropped."""

    uid: int
    gid: int


def service_account(cluster: Path | None) -> Account | None:
    """The account for Postgres on this cluster directory, or on one to be made.

    None where we are not root and stay who we are.
    """
    if os.geteuid() != 0:
        return None
    if cluster is not None and cluster.stat().st_uid != 0:
        return Account(cluster.stat().st_uid, cluster.stat().st_gid)
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise PlaceUnusable(
            "Postgres cannot run as root and this system has no user `nobody` to run it as;"
            " start Refold as an ordinary user, or set REFOLD_DATABASE_URL"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def make_data_directory(path: Path) -> None:
    """For us alone; where Postgres runs as another account, that one may enter it, not list it. One
    that is there stays as it is."""
    path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)


def closed_directory(path: Path, account: Account | None) -> Path | None:
    """The first directory on the way to `path`, itself included, that the account may not enter."""
    if account is None:
        return None
    resolved = path.resolve()
    for directory in (*reversed(resolved.parents), resolved):
        if not _may_enter(directory, account):
            return directory
    return None


def _may_enter(directory: Path, account: Account) -> bool:
    status = directory.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)

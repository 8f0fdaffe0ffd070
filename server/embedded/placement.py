"""Where a cluster and its socket live, so that the account of Postgres can reach them.

The cluster belongs into the data directory. Where root gave one below a directory that no other
account may enter (its own home, a private temporary directory), nobody can open it there: then
the cluster is put beside, and `postgres-home` in the data directory points to it.
"""

import hashlib
import logging
import os
import stat
import tempfile
from pathlib import Path

from server.embedded.account import Account, closed_directory, make_data_directory
from server.embedded.errors import PlaceUnusable

_log = logging.getLogger(__name__)

_POINTER = "postgres-home"
_STATE_HOME = Path("/var/lib")
SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT_BYTES = 107


def cluster_home(data_dir: Path, account: Account | None) -> Path:
    """The directory to keep clusters in: `data_dir`, or the one its pointer names."""
    make_data_directory(data_dir)
    data_dir = data_dir.resolve()
    pointer = data_dir / _POINTER
    if pointer.is_symlink():
        return pointer.resolve()
    if account is None or closed_directory(data_dir, account) is None:
        return data_dir
    if closed_directory(data_dir.parent, account) is None:
        # Ours to open: it was given to us as a whole. Enter, not list.
        data_dir.chmod(data_dir.stat().st_mode | stat.S_IXOTH)
        return data_dir
    return _home_elsewhere(data_dir, account, pointer)


def _home_elsewhere(data_dir: Path, account: Account, pointer: Path) -> Path:
    temporary = Path(tempfile.gettempdir()).resolve()
    base = temporary if data_dir.is_relative_to(temporary) else _STATE_HOME
    closed = closed_directory(base, account)
    if closed is not None:
        raise PlaceUnusable(
            f"Postgres runs as uid {account.uid}, which may not enter {closed}; give a data"
            " directory that every user may enter, or start Refold as an ordinary user"
        )
    home = Path(tempfile.mkdtemp(prefix="refold-postgres-", dir=base))
    home.chmod(0o711)
    pointer.symlink_to(home)
    _log.warning(
        "uid %d may not enter %s: the Postgres cluster of %s is kept in %s",
        account.uid,
        closed_directory(data_dir, account),
        data_dir,
        home,
    )
    return home


def socket_directory(cluster: Path, account: Account | None) -> Path:
    """A short private directory for the socket, the same at each start of the same cluster.

    The path of a unix socket has at most 107 bytes, so it cannot lie in the data directory.
    """
    mark = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:12]
    name = f"refold-{os.geteuid()}-{mark}"
    bases = [Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 (checked below, mode 0700)
    for base in bases:
        directory = base / name
        fits = len(os.fsencode(directory / SOCKET_NAME)) <= _SOCKET_PATH_LIMIT_BYTES
        if fits and closed_directory(base, account) is None and _private(directory, account):
            return directory
    raise PlaceUnusable(
        f"found no place for the socket of Postgres: tried {name} in"
        f" {' and '.join(str(base) for base in bases)}, which must be short, open to uid"
        f" {account.uid if account else os.geteuid()} and not taken by somebody else;"
        " remove that directory or set TMPDIR"
    )


def _private(directory: Path, account: Account | None) -> bool:
    """Make it, mode 0700; if it is there, it must be a directory and of the same account."""
    owner = os.geteuid() if account is None else account.uid
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        status = directory.lstat()
        private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
        return private and status.st_uid in (owner, os.geteuid())
    except OSError:
        return False
    if account is not None:
        os.chown(directory, account.uid, account.gid)
    return True

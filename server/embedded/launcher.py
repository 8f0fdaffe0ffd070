"""Becomes another program, after giving up root and tying its life to its parent's.

Run as a script: `python -I -S launcher.py PARENT_PID DEATH_SIGNAL UID GID UMASK PROGRAM ARG...`.
DEATH_SIGNAL 0: live on when the parent dies. UID -1: stay who we are. UMASK -1: keep ours. Only the
standard library, and loaded while still root: the account it changes to may not be able to read it.

A program of its own rather than a `preexec_fn`: code between fork and exec in a process with
threads can deadlock.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Change account, ask the kernel for the death signal, become the program."""
    parent, death_signal, uid, gid, umask = (int(text) for text in sys.argv[1:6])
    libc = ctypes.CDLL(None, use_errno=True)
    if uid >= 0:
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    if death_signal:
        # After setuid, which would clear it.
        if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
        if os.getppid() != parent:
            sys.exit("the parent died before its child began")
    if umask >= 0:
        os.umask(umask)
    os.execv(sys.argv[6], sys.argv[6:])


main()

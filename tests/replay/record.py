"""`python -m tests.replay.record`: write the golden files that are not there yet, and their hashes.

An existing file is never written again: it is what a release once stored. Where this release would
record something else, that is said; it is no fault, for `decide` may change.
"""

import hashlib
import sys

from engine.dialects.cncf_v08 import program_of
from tests.property.core_run import CoreRun
from tests.replay.golden import FOLDER, SUMS, write
from tests.replay.histories import HISTORIES, definition_of

BEGIN_MS = 1_767_225_600_000
STEP_MS = 250


def record(name):
    """The bytes of the history's golden file."""
    run = CoreRun(program_of(definition_of(name)))
    run.now, run.chance = BEGIN_MS, 0.25
    for kind, *details in HISTORIES[name][1]:
        run.now += STEP_MS
        _apply(run, kind, details)
    run.check_end()
    assert run.state.closed, f"{name} does not end"
    return write(run.stored)


def _apply(run, kind, details):
    if kind in ("answer", "fail"):
        number, *what = details
        getattr(run, kind)(sorted(run.open_calls(), key=str)[number], *what)
    elif kind == "fire":
        key, due = min(run.open_timers().items(), key=lambda one: one[1])
        run.now = max(run.now, due)
        run.fire(key)
    elif kind == "event":
        given = dict(zip(("type", "source", "attributes", "data"), details, strict=True))
        run.publish({**given, "whole": given})
    elif kind == "callback":
        assert run.answer_callback(*details)
    elif kind in ("fork", "fork_anew"):
        place, members = details
        getattr(run, kind)(place, **members)
    elif kind == "note_import":
        run.note_import(**details[0])
    else:
        getattr(run, kind)(*details)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in HISTORIES:
        path, made = FOLDER / f"{name}.jsonl", record(name)
        if not path.exists():
            path.write_bytes(made)
            with SUMS.open("a") as sums:
                sums.write(f"{hashlib.sha256(made).hexdigest()}  {path.name}\n")
            print(f"{path.name}: written")
        elif path.read_bytes() != made:
            print(f"{path.name}: kept; this release would record it differently")
    return 0


if __name__ == "__main__":
    sys.exit(main())

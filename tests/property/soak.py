"""`python -m tests.property.soak [N] [--seed S]`: N random schedules (a million unless said) of the
core against the reference. Prints how far it is, and the seed and the smallest case of the first
difference. Then a tenth as many programs of the expression soak."""

import argparse
import sys
import time

from tests.property import soak_expr
from tests.property.case import Difference, check_seed
from tests.property.holding import check_held
from tests.property.needs_values import check_needs_values

PROGRESS_EVERY_S = 2.0
ANSWERED_SHARE = 10
PROGRAMS_SHARE = 10


def main():
    parser = argparse.ArgumentParser(description="Random schedules of the core.")
    parser.add_argument("schedules", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, help="where to begin; unless given, from the clock")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else int(time.time()) * 1_000
    print(f"seed {seed}", flush=True)
    if soak(given.schedules, seed):
        return 1
    sys.argv = ["soak_expr", str(given.schedules // PROGRAMS_SHARE), str(seed)]
    return soak_expr.main()


def soak(schedules, seed):
    """0, or 1 at the first difference."""
    begun = shown = time.monotonic()
    done = events = 0
    while done < schedules:
        try:
            made, recorded = check_seed(seed)
            if seed % ANSWERED_SHARE == 0:
                check_needs_values(seed)
                check_held(seed)
        except Difference as difference:
            print(f"\n{difference}")
            return 1
        done, events, seed = done + made, events + recorded, seed + 1
        now = time.monotonic()
        if now - shown > PROGRESS_EVERY_S or done >= schedules:
            shown = now
            rate = done / (now - begun)
            print(f"\r{done} schedules, {events} events, {rate:.0f}/s", end="", flush=True)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())

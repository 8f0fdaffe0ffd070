"""Compare many generated programs with libjq: `python -m tests.property.soak_expr N [SEED]`."""

from __future__ import annotations

import random
import sys
from collections import Counter

from tests.property.expr_programs import compare_mutant, compare_once


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    print(f"{count} programs, seed {seed}", flush=True)
    outcomes: Counter[str] = Counter()
    for place in range(count):
        try:
            chance = random.Random(f"{seed}/{place}")
            outcomes[compare_once(chance) if place % 2 else compare_mutant(chance)] += 1
        except AssertionError as difference:
            outcomes["different"] += 1
            print(f"number {place}\n{difference}\n", flush=True)
    print(dict(outcomes))
    return 1 if outcomes["different"] else 0


if __name__ == "__main__":
    sys.exit(main())

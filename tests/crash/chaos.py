"""`python -m tests.crash.chaos --kills N --seed S`: a long run, its table on standard output.

With --report the table also goes to the end of docs/chaos.md. Exit code 1: something did not hold;
then the directory with all logs is kept and named.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from server.embedded.throwaway import open_to_enter
from tests.crash.campaign import Campaign, Outcome
from tests.crash.faults import Blow
from tests.crash.report import ROOT, nats_version, summary

WEIGHTS = {
    "engine kill": 30,
    "both engines kill": 6,
    "engine freeze": 16,
    "freeze in a commit": 10,
    "requests delayed": 12,
    "role stop": 10,
    "postgres kill": 12,
    "backend kill": 10,
    "nats kill": 10,
    "nats wipe": 2,
    "postgres freeze": 6,
    "nats freeze": 3,
    "everything kill": 3,
    "worker kill": 10,
    "projector kill": 8,
    "api kill": 8,
    "replies swallowed": 14,
}
"""How often each fault comes, relative to the others."""


def plan(kills: int, seed: int, kinds: list[str]) -> list[str]:
    """Which faults, in which order: each kind at least once if there are enough."""
    chance = random.Random(f"plan {seed}")
    first = kinds[:kills]
    rest = chance.choices(kinds, [WEIGHTS[kind] for kind in kinds], k=max(0, kills - len(first)))
    chosen = [*first, *rest]
    chance.shuffle(chosen)
    return chosen


def arguments(given: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many faults (default 200)")
    parser.add_argument("--seed", type=int, default=None, help="the run's seed (default: any)")
    parser.add_argument("--only", action="append", choices=sorted(WEIGHTS), help="only this fault")
    parser.add_argument("--width", type=int, default=16, help="operations at once (default 16)")
    parser.add_argument("--pause", type=float, default=1.0, help="longest pause between faults, s")
    parser.add_argument("--quiet", type=float, default=240.0, help="watchdog of the end, s")
    parser.add_argument("--keep", action="store_true", help="keep the directory of the run")
    parser.add_argument("--report", action="store_true", help="also write to docs/chaos.md")
    return parser.parse_args(given)


async def run(options: argparse.Namespace, home: Path, seed: int) -> tuple[Outcome, str]:
    """The outcome and its table."""
    kinds = plan(options.kills, seed, options.only or sorted(WEIGHTS))
    campaign = Campaign(
        home, seed, kinds, width=options.width, pause_s=options.pause, quiet_s=options.quiet,
        late=0.03, told=_tell,
    )  # fmt: skip
    outcome = await campaign.run()
    command = f"python -m tests.crash.chaos --kills {options.kills} --seed {seed}" + "".join(
        f" --only '{kind}'" for kind in options.only or ()
    )
    return outcome, summary(outcome, command, nats_version())


def _tell(blow: Blow) -> None:
    """One line a fault on standard error, so that a long run shows where it is."""
    missed = "" if blow.hit else " (nothing was in flight)"
    print(f"{datetime.now(UTC):%H:%M:%S} {blow.kind} {blow.detail}{missed}", file=sys.stderr)


def main() -> None:
    """Run, print, keep what is needed to find out."""
    options = arguments(sys.argv[1:])
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    home = open_to_enter(Path(tempfile.mkdtemp(prefix="refold-chaos-")))
    home.chmod(0o711)
    print(f"seed {seed}", flush=True)
    failed = True
    try:
        outcome, table = asyncio.run(run(options, home, seed))
        print(table, flush=True)
        if options.report:
            _write(table)
        failed = bool(outcome.faults)
    finally:
        if failed or options.keep:
            print(f"logs of all programs: {home}", flush=True)
        else:
            shutil.rmtree(home, ignore_errors=True)
    sys.exit(int(failed))


def _write(table: str) -> None:
    path = ROOT / "docs" / "chaos.md"
    before = path.read_text(encoding="utf-8").rstrip() if path.exists() else "# Chaos runs"
    path.write_text(f"{before}\n\n{table.rstrip()}\n", encoding="utf-8")


if __name__ == "__main__":
    main()

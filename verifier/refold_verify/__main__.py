"""Recompute an export of Refold, or a bundle, and name whatever is not as it was written.

    python3 verifier/refold_verify EXPORT-OR-BUNDLE [--head HEAD.json]
    python3 verify.pyz EXPORT-OR-BUNDLE [--head HEAD.json]

The folder, or the same modules in one file, as every bundle has them. The standard library, Python
3.9 or later. It shares no code with Refold: all it knows is docs/export-format.md and
docs/bundles.md. Exit code 0: intact; 7: something was found; 2: it could not be read.

Read `records` (the lines), `members` and `hashes` (what is computed), `chain` (what may follow);
then `installation`, with its `audit` and its `shards`, or `bundle`.

What is proved. Every event is the one that was written, at its place in its execution; every
execution has all its events up to the head; every commit of every shard is there, in order, and
holds the events that it recorded; every audit entry is there, in order; every definition is the
text that was applied; all of it belongs to this installation. One who changes any of it without
computing every hash behind the change again is found by the chains alone. One who does compute them
again, or cuts off the end, is found by a head that was kept elsewhere (--head): whatever stood up
to that head is as it was then.

What is not. That the events are true: the program that wrote them could have written others. What
happened behind the last head that was kept elsewhere. The time of a commit by the database's own
clock (the export leaves it out). CloudEvents that no execution took. Data whose key was erased, or
members that were left out: their hashes hold, their content is gone.

A bundle is one execution. What its commits hold beside it is told as hashes, and of the shard's
commits only some: it says how many stretches are not told, and whether those that are reach the
head. Of members that were left out it proves that there was one, not what is told in its place.

How it reads. Line by line; of one shard it keeps, for each execution, its end, and the events of
one commit. Behind a fault it goes on, so one fault may be told from several sides; the first line
about it says where it is. Where an event does not fit, the hashes of before and after both count
for the next one, so that a fault is not told again for all that follow.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile

from bundle import BundleVerifier, verify_bundle
from installation import verify
from records import check_head, lines_of


def report_of_bundle(verifier: BundleVerifier) -> int:
    """Say what was found in a bundle; the exit code."""
    for finding in verifier.findings:
        print(finding)
    count = len(verifier.findings)
    reach = "up to the head" if verifier.to_head else "not up to the head"
    lines = [
        f"{count} findings" if count else "intact",
        f"{verifier.name}: {verifier.counts['event']} events, {verifier.counts['commit']} commits"
        f" {reach}, {verifier.gaps} stretches of commits not told",
        f"{verifier.masked} events have members left out: what stands in their place is unproved",
        f"{verifier.unproved} events without their commit",
    ]
    if verifier.kept_cluster is not None:
        met = "was met" if verifier.met_kept else "is not among the commits that are told"
        lines.append(f"the head that was kept {met}")
    print("\n".join(lines), file=sys.stderr)
    return 7 if count else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        "refold_verify", description="Recompute an export or a bundle of Refold."
    )
    parser.add_argument("export", help="a file that `refold audit|exec export` wrote")
    parser.add_argument("--head", help="a head that was kept elsewhere, as JSON")
    arguments = parser.parse_args()
    try:
        kept = None
        if arguments.head:
            with open(arguments.head, encoding="utf-8") as file:
                kept = json.load(file)
            check_head(kept)
        if zipfile.is_zipfile(arguments.export):
            return report_of_bundle(verify_bundle(arguments.export, kept))
        verifier = verify(lines_of(arguments.export), kept)
    except (OSError, EOFError, ValueError) as error:
        print(f"refold_verify: this cannot be read: {error}", file=sys.stderr)
        return 2
    for finding in verifier.findings:
        print(finding)
    found = f"{len(verifier.findings)} findings" if verifier.findings else "intact"
    told = ", ".join(
        f"{verifier.counts[kind]} {kind}s" for kind in ("execution", "event", "commit")
    )
    print(f"{found}: {told}, {verifier.counts['audit']} audit entries", file=sys.stderr)
    return 7 if verifier.findings else 0


if __name__ == "__main__":
    sys.exit(main())

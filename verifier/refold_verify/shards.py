"""The log: of each shard its executions, and its commits with the events of each."""

from __future__ import annotations

from chain import BIRTHS, Chain, Execution
from findings import Findings, Order, Place, place_of
from hashes import commit_hash, event_hash, parts_of
from ids import execution_of, shard_of
from members import digest_of
from records import Record
from spelling import sha

Ends = dict[int, tuple[int, str]]


class Shard(Chain):
    """A shard's chain of commits, and its executions. `block`: the events of the last commit;
    `strangers`: events that are no execution's; `short`: commits that lack events."""

    def __init__(self, number: int, cluster: str, kept: tuple[int, str]) -> None:
        start = sha(f"refold-chain-1|{cluster}|{number}".encode())
        super().__init__(start, "commit", number, kept=kept)
        self.shard = number
        self.position = 0
        self.executions: dict[str, Execution] = {}
        self.commit: Record | None = None
        self.block: list[Record] = []
        self.strangers: list[Record] = []
        self.short: list[Record] = []
        self.gone = 0


class Shards:
    """Takes executions, commits and events, shard by shard. `heads`: number and hash of each
    shard's last commit by the head, of those not seen yet; `kept`: by the head that was kept
    elsewhere; `positions`: the last position of each shard."""

    def __init__(self, findings: Findings, order: Order, head: Record, kept: Record) -> None:
        self.findings = findings
        self.order = order
        self.cluster = head["cluster"]
        self.heads: Ends = {s["shard"]: (s["commit_no"], s["hash"]) for s in head["shards"]}
        self.kept: Ends = {s["shard"]: (s["commit_no"], s["hash"]) for s in kept["shards"]}
        self.positions = {s["shard"]: s["position"] for s in head["shards"]}
        self.current: Shard | None = None

    def enter(self, record: Record, place: Place, first: bool) -> Shard | None:
        """The shard of a record, which the first of its records opens."""
        number, current = record["shard"], self.current
        if current is not None and current.shard == number:
            return current
        if first and (current is None or current.shard < number):
            self.leave()
            kept = self.kept.get(number, (0, ""))
            self.current = Shard(number, self.cluster, kept)
            return self.current
        self.findings.note(
            "reordered", place, f"its line does not stand with those of shard {number}"
        )
        return None

    def take_execution(self, record: Record) -> None:
        name = record["execution"]
        place = ("execution", name)
        if shard_of(name) != record["shard"]:
            self.findings.note("changed", place, "its id is of another shard")
            return
        shard = self.enter(record, place, first=True)
        if shard is not None:
            self.order.check(place, 2, record["shard"], name)
            known = shard.executions.setdefault(name, Execution(name))
            known.record = known.record or record

    def take_commit(self, commit: Record) -> None:
        place = ("commit", commit["shard"], commit["number"])
        shard = self.enter(commit, place, first=commit["number"] == 1)
        if shard is None:
            return
        self.close_block(shard)
        shard.commit, skipped = commit, commit["number"] != shard.number + 1
        number = shard.follow(
            self.findings,
            commit["number"],
            commit["hash"],
            lambda before, n: {commit_hash(before, {**commit, "number": n})},
        )
        if number is not None and not skipped and commit["first"] != shard.position + 1:
            self.findings.note("changed", place, "it does not begin where the one before ends")
        shard.position = max(shard.position, commit["first"] + commit["count"] - 1)

    def take_event(self, record: Record) -> None:
        if self.current is None or self.current.commit is None:
            self.findings.note("reordered", place_of(record), "it stands before any commit")
        else:
            self.current.block.append(record)

    def close_block(self, shard: Shard) -> None:
        """Judge the events of the commit that ends here."""
        commit, block, before = shard.commit, shard.block, len(self.findings)
        if commit is None:
            return
        shard.block = []
        shard.gone += commit["count"] - len(block)
        block = self.placed(commit, block)
        for event in block:
            if event["shard"] != shard.shard:
                told = event["record"] == "event" and shard_of(event["execution"])
                kind = "reordered" if told == event["shard"] else "changed"
                self.findings.note(kind, place_of(event), "it is told of another shard")
            if event["record"] == "event":
                self.follow(shard, event)
                if event["epoch"] != commit["epoch"]:
                    self.findings.note("changed", place_of(event), "its epoch is not its commit's")
        if len(block) < commit["count"]:
            shard.short.append(commit)
        elif len(self.findings) == before and parts_of(block) != commit["parts"]:
            told = f"{place_of(block[0])}" if block else "none"
            detail = f"it recorded others than its events from {told} on: they were rewritten"
            self.findings.note("changed", ("commit", shard.shard, commit["number"]), detail)

    def placed(self, commit: Record, block: list[Record]) -> list[Record]:
        """The events of a commit in order, after a word on those that are not at their place."""
        places = range(commit["first"], commit["first"] + commit["count"])
        whole, seen = len(block) == len(places), set()
        for number, event in enumerate(block):
            position = event["position"]
            fitting = position == places[number] if whole else position in places
            if not fitting or position in seen:
                kind = (
                    "reordered" if position <= self.positions.get(commit["shard"], 0) else "changed"
                )
                self.findings.note(kind, place_of(event), "it is not at its position of the shard")
            seen.add(position)
        in_order = sorted(block, key=lambda event: event["position"])
        if not whole or parts_of(in_order) == commit["parts"]:
            return in_order
        return [{**event, "position": place} for event, place in zip(block, places)]

    def follow(self, shard: Shard, event: Record) -> None:
        """The next event of its execution."""
        name, written, digest = event["execution"], bytes.fromhex(event["digest"]), digest_of(event)
        chain = shard.executions.get(name)
        if chain is None:
            if event_hash(b"", event, name, 1, digest).hex() != event["hash"]:
                shard.strangers.append(event)
                return
            chain = shard.executions[name] = Execution(name)
        number = chain.follow(
            self.findings,
            event["seq"],
            event["hash"],
            lambda before, n: {event_hash(before, event, name, n, d) for d in {digest, written}},
        )
        if number is not None and digest != written:
            self.findings.note("changed", ("event", name, number), "its data was changed")
        elif event["type"] in BIRTHS and digest == written:
            chain.note_birth(event)

    def leave(self) -> None:
        """The shard ends."""
        shard, self.current = self.current, None
        if shard is None:
            return
        self.close_block(shard)
        shard.close(self.findings, self.heads.pop(shard.shard, (0, "")))
        lacking = sum(one.settle(self.findings) for one in shard.executions.values())
        for event in shard.strangers:
            detail = f"it says that it is event {event['seq']} of {event['execution']}"
            self.findings.note("foreign", ("position", shard.shard, event["position"]), detail)
        for commit in shard.short if shard.gone > lacking else ():
            place: Place = ("commit", shard.shard, commit["number"])
            bounds = [execution_of(commit["lowest"]), execution_of(commit["highest"])]
            unknown = [("execution", one) for one in bounds if one not in shard.executions]
            detail = f"commit {commit['number']} lacks events that no execution here misses"
            self.findings.note("removed", (unknown or [place])[0], detail)

    def finish(self) -> None:
        """Everything was taken: say what is missing."""
        self.leave()
        for number in sorted({*self.heads, *self.kept}):
            if number in self.heads or number not in self.positions:
                kept = self.kept.get(number, (0, ""))
                shard = Shard(number, self.cluster, kept)
                shard.close(self.findings, self.heads.get(number, (0, "")))

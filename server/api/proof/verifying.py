"""Verify an execution's log: recompute its chain and its shard's commits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiohttp import web

from engine.core import verify as chain
from engine.core.chain import genesis
from engine.model.errors import NotFound
from engine.model.ids import born_at_ms, format_execution, shard_of
from engine.ports.commits import birth_period
from engine.ports.rows import EventRow, ShardHead
from schemas.api import answers
from server.api.door.exchange import Exchange, Services
from server.api.door.pace import Pace
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.past.reading import (
    PAGE,
    TERMINAL_TYPES,
    check_accepted,
    check_namespace,
    execution_id_of,
    last_fact,
    pages,
)
from server.api.proof.copies import differing_copy

_ANCHOR = re.compile(r"(\d{1,4})\.(\d{1,18})\.([0-9a-f]{64})(?:\.(\d{1,9})\.([0-9a-f]{64}))?", re.A)
_EVENTS = 25
"""Events checked before others may have the loop."""

_COMMITS = 500
_SLACK_MS = 60_000
"""How much earlier than an execution's birth its first commit is looked for."""


async def verify(exchange: Exchange) -> web.Response:
    """GET /executions/{id}/verify?head=SHARD.COMMIT.HASH[.SEQ.EVENT_HASH]."""
    execution_id = execution_id_of(exchange)
    services, shard = exchange.services, shard_of(execution_id)
    anchor = _anchor_of(exchange, shard)
    head = await _head(services, shard, execution_id)
    own = await _check_rows(exchange, execution_id, anchor)
    finding, last, count = own.finding, own.last, 0
    if finding is None:
        closed = last is not None and (await last_fact(services.log, last)).type in TERMINAL_TYPES
        witness = chain.Witness(own.end, birth_period(execution_id), closed)
        finding, count = await _check_commits(services, execution_id, head, witness, anchor)
    if finding is None:
        finding = await differing_copy(exchange, execution_id)
    if last is None and finding is None:
        await check_accepted(exchange, execution_id)
    return json_reply(
        answers.Verification(
            execution=format_execution(execution_id),
            intact=finding is None,
            events=own.count,
            commits=count,
            fault=None if finding is None else _fault_of(finding),
            head=_head_of(head, execution_id, last),
        )
    )


@dataclass
class _OwnEvents:
    """What the execution's own events show, as far as they were read."""

    count: int = 0
    last: EventRow | None = None
    end: chain.ChainEnd = chain.ChainEnd()
    finding: chain.Finding | None = None


async def _check_rows(
    exchange: Exchange, execution_id: UUID, anchor: chain.Anchor | None
) -> _OwnEvents:
    """Follow the execution's chain, a page at a time; events behind a fault are counted alone."""
    own, pace = _OwnEvents(), Pace()
    anchored: EventRow | None = None
    async for rows in pages(exchange.services, execution_id):
        check_namespace(exchange, rows[0])
        own.count, own.last = own.count + len(rows), rows[-1]
        if own.finding is None:
            own.finding = await _follow(own, rows, pace)
            if own.finding is not None:
                own.finding = await _named(exchange, execution_id, own.end) or own.finding
        if anchor is not None:
            anchored = next((row for row in rows if row.seq == anchor.seq), anchored)
    if own.finding is None and anchor is not None and anchor.seq is not None:
        own.finding = chain.check_anchored_event(anchor, own.count, anchored)
    return own


async def _follow(own: _OwnEvents, rows: Sequence[EventRow], pace: Pace) -> chain.Finding | None:
    for first in range(0, len(rows), _EVENTS):
        checked = chain.check_events(own.end, rows[first : first + _EVENTS])
        if isinstance(checked, chain.Finding):
            return checked
        own.end = checked
        await pace.breathe()
    return None


async def _named(
    exchange: Exchange, execution_id: UUID, end: chain.ChainEnd
) -> chain.Finding | None:
    """The fault behind `end`, seen with the events after it: one of them may be what belongs
    there."""
    rows = await exchange.services.log.read_execution(execution_id, end.seq, 2 * PAGE)
    checked = chain.check_events(end, rows)
    return checked if isinstance(checked, chain.Finding) else None


async def _check_commits(
    services: Services,
    execution_id: UUID,
    head: ShardHead,
    witness: chain.Witness,
    anchor: chain.Anchor | None,
) -> tuple[chain.Finding | None, int]:
    """Follow the shard's commits from before the execution's birth to the head."""
    first = await _first_commit(services, head, born_at_ms(execution_id) - _SLACK_MS)
    if anchor is not None:
        first = max(1, min(first, anchor.commit_no, head.commit_no))
    end = await _end_before(services, head.shard, first)
    anchored: list[chain.Commit] = []
    count = 0
    while end.number < head.commit_no:
        records = await services.log.read_commits(head.shard, end.number, _COMMITS)
        commits = [commit_of(one) for one in records if _number(one) <= head.commit_no]
        if not commits:
            break
        checked = chain.check_commits(end, commits)
        if isinstance(checked, chain.Finding):
            return checked, count
        end, count = checked, count + len(commits)
        if anchor is not None:
            anchored += [one for one in commits if one.number == anchor.commit_no]
        for record, commit in zip(records, commits, strict=False):
            if _covers(record, execution_id):
                finding = await _check_part(services, execution_id, commit, witness)
                if finding is not None:
                    return finding, count
    if end != chain.CommitEnd(head.commit_no, head.last_position, head.hash):
        return _head_finding(head), count
    return (None if anchor is None else chain.check_anchor(anchor, anchored)), count


def _head_finding(head: ShardHead) -> chain.Finding:
    return chain.Finding(
        "commit_missing",
        None,
        f"the commits of shard {head.shard} do not lead to its head, commit {head.commit_no}",
    )


async def _check_part(
    services: Services, execution_id: UUID, commit: chain.Commit, witness: chain.Witness
) -> chain.Finding | None:
    last = commit.first + commit.count - 1
    rows = await services.log.read_shard(
        commit.shard, commit.first - 1, last, limit=commit.count + 1
    )
    present = [row for row in rows if birth_period(row.execution_id) == witness.period]
    own = [row for row in present if row.execution_id == execution_id]
    return chain.check_part(witness, commit, present, own)


async def _first_commit(services: Services, head: ShardHead, at_ms: int) -> int:
    """The number of the first commit not before a time; commits are in order of time."""
    low, high = 1, max(1, head.commit_no)
    while low < high:
        middle = (low + high) // 2
        found = await services.log.read_commits(head.shard, middle - 1, 1)
        if found and commit_of(found[0]).at < at_ms:
            low = middle + 1
        else:
            high = middle
    return low


async def _end_before(services: Services, shard: int, number: int) -> chain.CommitEnd:
    """Where the chain stands before a commit."""
    if number <= 1:
        return chain.CommitEnd(0, 0, genesis(services.installation.cluster_id, shard))
    records = await services.log.read_commits(shard, number - 2, 1)
    if not records:
        return chain.CommitEnd(number - 1, 0, b"")
    before = commit_of(records[0])
    return chain.CommitEnd(before.number, before.first + before.count - 1, before.hash)


def _number(record: dict[str, Any]) -> int:
    return int(record["commit_no"])


def commit_of(record: Mapping[str, Any]) -> chain.Commit:
    """A commit record, given as `Log.read_commits` gives it."""
    return chain.Commit(
        shard=record["shard"],
        number=record["commit_no"],
        first=record["first_position"],
        count=record["count"],
        epoch=record["epoch"],
        at=record["at"],
        writer=record["writer_version"],
        lowest=record["min_execution"],
        highest=record["max_execution"],
        parts=record["parts"],
        hash=record["hash"],
    )


def _covers(record: dict[str, Any], execution_id: UUID) -> bool:
    lowest, highest = record["min_execution"], record["max_execution"]
    return bool(record["count"] and lowest <= execution_id <= highest)


async def _head(services: Services, shard: int, execution_id: UUID) -> ShardHead:
    for head in await services.log.heads():
        if head.shard == shard:
            return head
    raise NotFound(f"no shard holds {format_execution(execution_id)}; is the id of this server?")


def _head_of(head: ShardHead, execution_id: UUID, last: EventRow | None) -> answers.AnchoredHead:
    return answers.AnchoredHead(
        shard=head.shard,
        commit_no=head.commit_no,
        hash=head.hash.hex(),
        execution=format_execution(execution_id),
        seq=None if last is None else last.seq,
        event_hash=None if last is None else last.hash.hex(),
    )


def _fault_of(finding: chain.Finding) -> answers.VerificationFault:
    return answers.VerificationFault(kind=finding.kind, seq=finding.seq, detail=finding.detail)


def _anchor_of(exchange: Exchange, shard: int) -> chain.Anchor | None:
    text = exchange.query["head"]
    if text is None:
        return None
    found = _ANCHOR.fullmatch(text)
    if found is None or int(found[1]) != shard or int(found[2]) < 1:
        raise ProblemRaised(
            "query.invalid",
            f"head is SHARD.COMMIT.HASH[.SEQ.EVENT_HASH] as verify gave it out, of shard {shard}",
        )
    return chain.Anchor(
        shard=shard,
        commit_no=int(found[2]),
        hash=bytes.fromhex(found[3]),
        seq=int(found[4]) if found[4] else None,
        event_hash=bytes.fromhex(found[5]) if found[5] else None,
    )

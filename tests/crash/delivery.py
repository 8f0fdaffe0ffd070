"""The log against what the world was told: nothing lost, nothing twice, nothing too soon."""

from collections import Counter, defaultdict
from math import inf
from uuid import UUID

import asyncpg

from engine.model.ids import format_execution, idempotency_key, parse_execution
from schemas.events import bodies
from tests.crash.invariants import Log, Violations
from tests.crash.journal import Journal

_BORN_BY_EVENT = {"chaos-trigger": "chaos.begin", "chaos-gather": "chaos.left"}


def check_starts(journal: Journal, log: Log, found: Violations) -> None:
    """Every accepted start is in the log, under the one id that was ever answered."""
    found.lost.extend(f"an accepted execution was answered so: {one}" for one in journal.unseen)
    for start in journal.starts.values():
        if len(start.ids) > 1:
            found.doubled.append(f"start {start.key} was answered with {sorted(start.ids)}")
        if start.execution is not None and parse_execution(start.execution) not in log.events:
            found.lost.append(f"start {start.key} was accepted as {start.execution}: no log")


async def check_cloudevents(
    connection: asyncpg.Connection, journal: Journal, found: Violations
) -> None:
    """Every acknowledged CloudEvent is in the stream, once; positions are 1..n."""
    rows = await connection.fetch("SELECT position, source, id FROM log.cloudevents ORDER BY 1")
    counts = Counter((row["source"], row["id"]) for row in rows)
    found.doubled.extend(f"CloudEvent {one} stored {n} times" for one, n in counts.items() if n > 1)
    found.lost.extend(
        f"CloudEvent {one.id} was acknowledged over {one.via}: not in the stream"
        for one in journal.events.values()
        if one.acked and ("/chaos", one.id) not in counts
    )
    head = await connection.fetchval("SELECT head FROM log.streams WHERE namespace = 'default'")
    if [row["position"] for row in rows] != list(range(1, (head or 0) + 1)):
        found.broken.append("positions of the stream of CloudEvents have gaps")
    letters = await connection.fetchval("SELECT count(*) FROM log.dead_letters")
    if letters:
        found.lost.append(f"{letters} CloudEvents became dead letters")


def check_consumption(journal: Journal, log: Log, found: Violations) -> None:
    """An execution takes a CloudEvent once for each definition, and only its own; a CloudEvent that
    starts executions starts exactly one of each workflow."""
    begun: dict[str, Counter[str]] = defaultdict(Counter)
    for execution, events in log.events.items():
        taken: Counter[tuple[str, int]] = Counter()
        op = _op_of(execution, log)
        for event in events:
            body = event.body
            ref = None
            if isinstance(body, bodies.EventReceived) and body.event is not None:
                ref = body.event
                taken[body.ref, ref.position] += 1
                if op is not None and ref.id.partition("-")[0] != op:
                    found.broken.append(f"{format_execution(execution)} took {ref.id}")
        found.doubled.extend(
            f"{format_execution(execution)} took {one} {n} times"
            for one, n in taken.items()
            if n > 1
        )
        workflow = log.states[execution].workflow if execution in log.states else ""
        if workflow in _BORN_BY_EVENT and op is not None:
            begun[workflow][op] += 1
    for op, workflow in journal.ops.items():
        if workflow not in _BORN_BY_EVENT:
            continue
        times = begun[workflow][op]
        asked = f"{op}-{_BORN_BY_EVENT[workflow]}" in journal.events
        if times > 1:
            found.doubled.append(f"the CloudEvents of {op} started {workflow} {times} times")
        elif not times and asked:
            found.lost.append(f"the CloudEvents of {op} started no {workflow}")


def _op_of(execution: UUID, log: Log) -> str | None:
    """The operation that the execution belongs to, from its input or its first CloudEvent."""
    for event in log.events[execution]:
        body = event.body
        if isinstance(body, bodies.ExecutionStarted) and isinstance(body.input, dict):
            op = body.input.get("op")
            if isinstance(op, str):
                return op
        if isinstance(body, bodies.EventReceived) and body.event is not None:
            return body.event.id.partition("-")[0]
    return None


def check_outcomes(journal: Journal, log: Log, found: Violations) -> None:
    """Every execution completed, with the data that only a faultless run gives."""
    for execution, state in log.states.items():
        if not state.closed:
            continue
        if state.phase == "cancelled" and _op_of(execution, log) in journal.cancelled:
            continue
        verdict = state.output.get("verdict") if isinstance(state.output, dict) else None
        if state.phase != "completed" or verdict != "good":
            why = state.error or verdict
            found.broken.append(
                f"{format_execution(execution)} ({state.workflow}) is {state.phase}: {why}"
            )
    ops = Counter(op for e in log.states if (op := _op_of(e, log)) is not None)
    found.doubled.extend(f"operation {op} has {n} executions" for op, n in ops.items() if n > 1)
    found.lost.extend(
        f"operation {op} has no execution"
        for op, name in journal.ops.items()
        if name not in _BORN_BY_EVENT
        and op in journal.starts
        and journal.starts[op].execution is not None
        and not ops[op]
    )


def check_actions(
    journal: Journal, work: list[tuple[str, float]], log: Log, found: Violations
) -> None:
    """No call before its intent was committed; one key for all attempts of one operation."""
    intents: dict[tuple[str, int | None], float] = {}
    first_by_op: dict[str, float] = {}
    for execution, events in log.events.items():
        for event in events:
            if not isinstance(event.body, bodies.ActionScheduled):
                continue
            at = log.committed_at.get((execution, event.seq), inf)
            intents[idempotency_key(execution, event.frame, event.node), event.attempt] = at
            arguments = event.body.arguments
            if isinstance(arguments, dict) and "op" in arguments:
                op = arguments["op"]
                first_by_op[op] = min(at, first_by_op.get(op, at))
    keys: dict[str, set[str]] = defaultdict(set)
    for call in journal.arrivals:
        keys[call.op].add(call.key)
        at = intents.get((call.key, call.attempt))
        if call.seen is False or at is None or at > call.at:
            found.broken.append(f"{call.key} attempt {call.attempt} arrived before its intent")
    found.doubled.extend(
        f"action {op} was called under {len(k)} keys" for op, k in keys.items() if len(k) > 1
    )
    for op, begun in work:
        if op not in first_by_op or begun < first_by_op[op]:
            found.broken.append(f"function call {op} began before its intent was committed")


def check_answers(journal: Journal, effects: dict[str, str], log: Log, found: Violations) -> None:
    """An action that completed was really done, under its own key."""
    for execution, events in log.events.items():
        scheduled: dict[int, tuple[str, str]] = {}
        for event in events:
            if isinstance(event.body, bodies.ActionScheduled) and event.body.handler == "http":
                key = idempotency_key(execution, event.frame, event.node)
                scheduled[event.seq] = (key, event.name)
            elif isinstance(event.body, bodies.ActionCompleted):
                known = scheduled.get(event.body.action)
                if known is not None and known[0] not in effects:
                    found.broken.append(f"{known[0]} completed and was never done")

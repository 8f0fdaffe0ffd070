"""Impact reports: a new version of a definition, tried on recorded executions."""

import contextlib
from typing import Any

from aiohttp import web

from engine.core.timetravel.impact_tally import Group, Tally
from engine.core.timetravel.telling import told_difference
from engine.model.errors import RefoldError
from engine.model.program import Program
from schemas.api import impact as answers
from schemas.json_text import dumps
from server.api.definitions.versions import (
    Submitted,
    faults_of,
    read_submitted,
    submitted_definition,
)
from server.api.door.exchange import Exchange
from server.api.door.impact_reports import Progress, Question
from server.api.door.problem import ProblemRaised, problem_of

NDJSON = "application/x-ndjson"
STATUSES = ("running", "waiting", "suspended", "completed", "failed", "cancelled")
MAX_EXECUTIONS = 1_000_000
DEFAULT_EXECUTIONS = 100_000
_END_OF_TIME_MS = 2**48 - 1


async def report(exchange: Exchange) -> web.StreamResponse:
    """POST /definitions/impact: try it, store nothing. Progress line by line, then the report."""
    submitted = await submitted_definition(exchange)
    reading = await read_submitted(submitted)
    errors, _ = await faults_of(exchange, reading)
    program = reading.program
    if program is None or errors:
        faults = "1 fault" if len(errors) == 1 else f"{len(errors)} faults"
        raise ProblemRaised("definition.invalid", f"the definition has {faults}", errors)
    question = _question(exchange, submitted, program)
    pieces = exchange.services.impact.report(question)
    async with contextlib.aclosing(pieces):
        first = await anext(pieces)
        response = web.StreamResponse(headers={"Content-Type": NDJSON})
        await response.prepare(exchange.request)
        await response.write(_line(first, program))
        try:
            async for piece in pieces:
                await response.write(_line(piece, program))
        except RefoldError as error:
            problem = problem_of(error)
            parts = {"code": problem.code, "detail": problem.detail}
            await response.write(_written(answers.ImpactLine(problem=parts)))
        await response.write_eof()
    return response


def _question(exchange: Exchange, submitted: Submitted, program: Program) -> Question:
    query = exchange.query
    since, until = query["started_after"], query["started_before"]
    return Question(
        namespace=exchange.namespace,
        workflow=query["workflow"] or program.workflow,
        versions=query["version"],
        statuses=query["status"],
        since_ms=_within(0 if since is None else since),
        before_ms=_within(_END_OF_TIME_MS if until is None else until),
        limit=query["limit"],
        source=submitted.source,
        media_type=submitted.media_type,
        resources=submitted.resources,
    )


def _within(at_ms: int) -> int:
    """A time that an execution id can have."""
    return min(max(at_ms, 0), _END_OF_TIME_MS)


def _line(piece: Progress | Tally, program: Program) -> bytes:
    if isinstance(piece, Tally):
        return dumps({"report": _members(piece, program)}) + b"\n"
    progress = answers.ImpactProgress(done=piece.done, total=piece.total, changed=piece.changed)
    return _written(answers.ImpactLine(progress=progress))


def _written(line: answers.ImpactLine) -> bytes:
    return line.model_dump_json(exclude_none=True).encode() + b"\n"


def _members(tally: Tally, program: Program) -> dict[str, Any]:
    """The report with the values as they are: a model would write numbers its own way."""
    changed = tally.executions - tally.same
    found = answers.ImpactReport(
        definition=answers.ImpactDefinition(
            workflow=program.workflow, version=program.version, hash=program.definition_hash
        ),
        impact=changed > 0,
        executions=tally.executions,
        same=tally.same,
        changed=changed,
        same_path=tally.same_path,
        new_failures=sum(count for was, now, count in _ends(tally) if was != now == "failed"),
        groups=[],
        uncounted=tally.uncounted,
        ends=[
            answers.ImpactEnds.model_validate({"was": was, "now": now, "count": count})
            for was, now, count in _ends(tally)
        ],
        unknown=[
            answers.ImpactUnknown(name=name, count=count)
            for name, count in _most_first(tally.unknown)
        ],
        running=_running(tally),
        skipped=[
            answers.ImpactSkipped(reason=one.reason, count=one.count, examples=one.examples)
            for one in tally.skipped
        ],
    )
    groups = sorted(tally.groups, key=lambda one: (-one.count, told_difference(one.difference)))
    return {**found.model_dump(), "groups": [_group(one) for one in groups]}


def _running(tally: Tally) -> answers.ImpactRunning:
    return answers.ImpactRunning(
        safe_count=tally.safe_count,
        unsafe_count=tally.unsafe_count,
        safe=tally.safe,
        unsafe=[
            answers.ImpactUnsafe(execution=one.execution, reason=one.reason) for one in tally.unsafe
        ],
    )


def _group(group: Group) -> dict[str, Any]:
    one = group.difference
    return {
        "kind": one.kind,
        "told": told_difference(one),
        "count": group.count,
        "state": one.state,
        "name": one.name,
        "was": one.was,
        "now": one.now,
        "condition_was": one.condition_was,
        "condition_now": one.condition_now,
        "pointer": one.pointer,
        "ends": group.ends,
        "examples": [
            {
                "execution": example.execution,
                "seq": example.sample.seq,
                "was": example.sample.was,
                "now": example.sample.now,
                "message": example.sample.message,
            }
            for example in group.examples
        ],
    }


def _ends(tally: Tally) -> list[tuple[str, str, int]]:
    return [(*key.split(" "), count) for key, count in _most_first(tally.ends)]  # type: ignore[misc]


def _most_first(table: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(table.items(), key=lambda pair: (-pair[1], pair[0]))

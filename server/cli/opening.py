"""What `refold open` tells of a bundle: folded from the file alone."""

from collections.abc import Iterator
from typing import IO, Any

from engine.core.timetravel.blame_fold import Provenance
from engine.core.timetravel.pointer import PathFault, parse_path
from engine.dialects.cncf_v08 import mermaid
from engine.model.errors import NotFound
from engine.model.ids import format_event, parse_execution
from engine.model.program import Program
from engine.model.state import ExecutionState
from schemas.events import bodies
from schemas.json_text import dumps, loads
from server.api.door.times import format_time
from server.api.past.blame import DEPTH, blamed
from server.api.past.describe import past_members
from server.api.past.diff import compared
from server.bundles.checking import Report
from server.bundles.layout import BundleFault
from server.bundles.reading import Bundle
from server.bundles.replaying import Replay, Step, program_in
from server.cli.blaming import show_blame
from server.cli.faults import NOT_FOUND, USAGE, CommandFault
from server.cli.history import took
from server.cli.output import Output, counted, write_json, write_line
from server.cli.paper import Paper
from server.cli.timetravel import show_changes, show_state

_ENDED = {"ActionCompleted": "completed", "ActionFailed": "failed", "ActionCancelled": "cancelled"}


class Opened:
    """A bundle, for one question; `report` says after `finish` whether it is as it was written."""

    def __init__(self, file: IO[bytes]) -> None:
        """Raises BundleFault."""
        self.bundle = Bundle(file)
        self._replay = Replay(self.bundle)
        self._steps = self._replay.steps()
        self._last: Step | None = None

    def _rest(self) -> Iterator[Step]:
        for step in self._steps:
            self._last = step
            yield step

    def finish(self) -> None:
        """Look at what was not read yet. Raises BundleFault."""
        for _ in self._rest():
            pass

    @property
    def report(self) -> Report:
        """What the check found."""
        assert self._replay.report is not None, "the bundle was read to its end"
        return self._replay.report

    def programs(self) -> dict[str, Program]:
        """The definitions, by hash. Raises BundleFault."""
        return {one.files.hash: program_in(one) for one in self.bundle.definitions}

    def graph(self) -> str:
        """The definition it ran under at last, as a drawing. Raises CommandFault."""
        if not self.bundle.definitions:
            raise CommandFault("the bundle leaves the definition out", NOT_FOUND)
        return mermaid(program_in(self.bundle.definitions[0]))

    # States

    def state_at(self, seq: int) -> ExecutionState:
        """The state after an event; 0: before the first. Raises CommandFault, BundleFault."""
        if seq == 0:
            return ExecutionState(id=parse_execution(self.bundle.manifest.execution))
        for step in self._rest():
            if step.record.seq == seq:
                return _readable(step)
        last = 0 if self._last is None else self._last.record.seq
        raise CommandFault(f"the last event is {last}, there is no {seq}", NOT_FOUND)

    def show_state(self, paper: Paper, output: Output, seq: int, *, full: bool = False) -> None:
        """Print the state after an event."""
        state = self._told(self.state_at(seq))
        if output is Output.JSON:
            write_json(state)
        elif output is Output.IDS:
            write_line(state["execution"])
        elif not state["seq"]:
            write_line(f"{state['execution']}: nothing had happened yet")
        else:
            show_state(paper, state, full=full)

    def show_diff(self, paper: Paper, output: Output, first: int, second: int) -> None:
        """Print what differs between the data after two events."""
        early, late = sorted((first, second))
        states = {early: self._members_at(early)}
        states[late] = states[early] if late == early else self._members_at(late)
        found = compared(states[first], states[second], "data")
        if output is Output.JSON:
            write_json(found["patch"])
        elif output is Output.IDS:
            for change in found["changes"]:
                write_line(change["pointer"])
        else:
            show_changes(paper, loads(dumps(found)))

    def _members_at(self, seq: int) -> dict[str, Any]:
        state = self.state_at(seq)
        return past_members(state.id, state)

    def _told(self, state: ExecutionState) -> Any:
        return loads(dumps(past_members(state.id, state)))

    def show_blame(
        self, paper: Paper, output: Output, path: str, at: int | None, *, full: bool
    ) -> None:
        """Print who wrote a value, after an event or at last."""
        trace = Provenance(ExecutionState(id=parse_execution(self.bundle.manifest.execution)))
        for step in self._rest():
            if at is not None and step.record.seq > at:
                break
            _readable(step)
            assert step.event is not None, "what can be folded can be read"
            trace.advance(step.event)
        if at is not None and trace.state.seq < at:
            raise CommandFault(f"the last event is {trace.state.seq}, there is no {at}", NOT_FOUND)
        query = {"frame": None, "state": None, "all": None, "depth": DEPTH}
        try:
            found = blamed(trace, self.programs(), parse_path(path), query)
        except PathFault as fault:
            raise CommandFault(f"{fault.message} [{fault.code}]", USAGE) from None
        except NotFound as fault:
            raise CommandFault(fault.message, NOT_FOUND) from None
        told = loads(dumps(found))
        if output is Output.JSON:
            write_json(told)
        elif output is Output.IDS:
            for one in told["items"]:
                write_line(one["event"]["id"])
        else:
            show_blame(paper, told, every=False, full=full)

    # Lists

    def events(self) -> list[dict[str, Any]]:
        """The log, as `refold exec events` tells it. `proved`: nothing of its data was left out."""
        return [_event(step) for step in self._rest()]

    def history(self) -> list[dict[str, Any]]:
        """States and calls in order of their beginning."""
        return list(_history(self._rest()))

    # Proof

    def show_proof(self, output: Output) -> None:
        """Print what the check found."""
        self.finish()
        problem = self._definition_fault()
        if problem is not None:
            self.report.note(problem)
        if output is Output.JSON:
            write_json(self._proof())
            return
        for finding in self.report.findings:
            write_line(f"NOT INTACT: {finding}")
        for line in _verdict(self.report):
            write_line(line)

    def _definition_fault(self) -> str | None:
        try:
            self.programs()
        except BundleFault as fault:
            return fault.message
        return None

    def _proof(self) -> dict[str, Any]:
        report = self.report
        return {
            "execution": self.bundle.manifest.execution,
            "intact": report.intact,
            "findings": report.findings,
            "events": report.events,
            "commits": report.commits,
            "gaps": report.gaps,
            "to_head": report.to_head,
            "masked": report.masked,
            "sealed": report.sealed,
            "unproved": report.unproved,
        }

    # Summary

    def show_summary(self, paper: Paper, output: Output, file: str, most: int) -> None:
        """Print what it is, whether it is as it was written, what happened, how it ended."""
        history = self.history()
        problem = self._definition_fault()
        if problem is not None:
            self.report.note(problem)
        state = self._last.state if self._last is not None else None
        told = None if state is None else self._told(state)
        if output is Output.JSON:
            manifest = loads(dumps(self.bundle.manifest))
            write_json({"manifest": manifest, "proof": self._proof(), "state": told,
                        "history": history})  # fmt: skip
            return
        if output is Output.IDS:
            write_line(self.bundle.manifest.execution)
            return
        self._show_origin(paper)
        for line in _verdict(self.report):
            paper.item("proof", line)
        for finding in self.report.findings[:5]:
            paper.line(f"NOT INTACT: {finding}", colour="red")
        _show_steps(paper, history, most)
        if told is None:
            paper.item("data", "sealed: its key is elsewhere, or deleted")
        else:
            show_state(paper, told, full=False)
        self._show_hints(paper, file, told)

    def _show_origin(self, paper: Paper) -> None:
        manifest = self.bundle.manifest
        paper.line(f"{manifest.execution} of installation {manifest.cluster}", colour="bold")
        at = format_time(manifest.exported_at)
        reason = f": {manifest.reason}" if manifest.reason else ""
        paper.item("exported", f"{at} by {manifest.exported_by}{reason}")
        paper.item("of", f"namespace {manifest.namespace}, Refold {manifest.refold}")
        if manifest.redacted:
            paper.item("redacted", ", ".join(manifest.redacted))
        if not self.bundle.definitions:
            paper.item("without", "its definition")

    def _show_hints(self, paper: Paper, file: str, told: Any) -> None:
        paper.line("")
        if told is not None:
            last = self.report.events
            paper.line(f"any state:      refold open {file} --at {max(1, last - 1)}")
            paper.line(f"who wrote what: refold open {file} --blame .")
        paper.line(f"the log:        refold open {file} --events")
        if told is not None:
            paper.line(f"to fork it:     refold exec import {file}")


def _readable(step: Step) -> ExecutionState:
    if step.state is None:
        raise CommandFault(
            f"event {step.record.seq} is sealed: its key is elsewhere, or deleted", NOT_FOUND
        )
    return step.state


def _event(step: Step) -> dict[str, Any]:
    record = step.record
    execution_id = parse_execution(record.execution)
    return {
        "id": format_event(execution_id, record.seq),
        "seq": record.seq,
        "type": record.type,
        "version": record.version,
        "at": format_time(record.at),
        "actor": record.actor,
        "frame": record.frame,
        "node": record.node,
        "name": record.name,
        "branch": record.branch,
        "iteration": record.iteration,
        "attempt": record.attempt,
        "data": None if step.data is None else loads(step.data),
    }


def _history(steps: Iterator[Step]) -> Iterator[dict[str, Any]]:
    rows: dict[int, dict[str, Any]] = {}
    for step in steps:
        record, event = step.record, step.event
        body = None if event is None else event.body
        if isinstance(body, bodies.StateEntered):
            rows[record.seq] = _row(record, "state")
        elif isinstance(body, bodies.ActionScheduled):
            rows[record.seq] = _row(record, "action")
        elif isinstance(body, bodies.StateExited | bodies.ErrorCaught):
            caught = isinstance(body, bodies.ErrorCaught)
            _end(rows, record.frame, record.at, "failed" if caught else "completed")
        elif isinstance(
            body, bodies.ActionCompleted | bodies.ActionFailed | bodies.ActionCancelled
        ):
            code = f": {body.error.code}" if isinstance(body, bodies.ActionFailed) else ""
            _end(rows, body.action, record.at, _ENDED[record.type] + code)
    for row in rows.values():
        del row["at"]
        yield row


def _row(record: Any, kind: str) -> dict[str, Any]:
    again = f", attempt {record.attempt}" if (record.attempt or 1) > 1 else ""
    return {
        "seq": record.seq, "kind": kind, "name": record.name + again,
        "from": format_time(record.at), "at": record.at, "took": "", "outcome": "open",
    }  # fmt: skip


def _end(rows: dict[int, dict[str, Any]], seq: int, at: int, outcome: str) -> None:
    row = rows.get(seq)
    if row is not None and row["outcome"] == "open":
        row["took"], row["outcome"] = took(at - row["at"]) or "0 ms", outcome


def _verdict(report: Report) -> list[str]:
    """What was proved, in words."""
    told = f"{counted(report.events, 'event')} in {counted(report.commits, 'commit')}"
    if not report.intact:
        return [f"NOT as it was written: {counted(len(report.findings), 'finding')} ({told})"]
    reach = "up to the head" if report.to_head else "not up to the head of the shard"
    gaps = f", {counted(report.gaps, 'stretch')} of commits left out" if report.gaps else ""
    lines = [f"as it was written: {told}, {reach}{gaps}"]
    if report.masked:
        lines.append(f"{counted(report.masked, 'event')} with members left out: what stands in"
                     " their place is not proved")  # fmt: skip
    if report.sealed:
        lines.append(f"{counted(report.sealed, 'event')} with sealed data")
    if report.unproved:
        lines.append(f"{counted(report.unproved, 'event')} whose commit is not told")
    return lines


def _show_steps(paper: Paper, history: list[dict[str, Any]], most: int) -> None:
    shown = history if len(history) <= most else [*history[: most // 2], *history[-most // 2 :]]
    for number, row in enumerate(shown):
        if len(history) > most and number == most // 2:
            paper.line(f"          ... {len(history) - most} more: --history")
        indent = "  " if row["kind"] == "action" else ""
        line = f"{row['seq']:>5}  {indent}{row['kind']} {row['name']}: {row['outcome']}"
        paper.line(line + (f" ({row['took']})" if row["took"] else ""))

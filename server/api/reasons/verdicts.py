"""What triggers and open waits make of one CloudEvent."""

from collections.abc import Sequence

from engine.core.matching import Predicate, predicates, trigger_predicates
from engine.core.timetravel.nearest import are_alike, edit_distance, miss_of
from engine.model.command import Arrived
from engine.model.ids import format_execution
from engine.model.program import EventDefinition, Program
from engine.model.state import ExecutionState, Wait
from engine.ports.rows import TriggerRow
from schemas.api.why import FailedPredicate, NearWait, TriggerVerdict
from server.api.reasons.waits import predicate_members


def concerns(row: TriggerRow, event_type: str) -> bool:
    """Whether the trigger wants the type, or one that is written nearly alike."""
    return any(one == event_type or are_alike(one, event_type) for one in row.types)


def verdict(row: TriggerRow, program: Program | None, arrived: Arrived) -> TriggerVerdict:
    """What one trigger makes of the CloudEvent."""
    position = arrived.event.position
    if row.from_position >= position or (row.to_position or position) < position:
        return _at_another_time(row, position)
    if arrived.event.type not in row.types:
        return _of_another_type(row, arrived.event.type)
    if program is None or program.trigger is None:
        text = "its definition cannot be read any more, so it starts nothing; see the dead letters"
        return _refused(row, None, None, text)
    judged = [
        (one, list(trigger_predicates(one, program.constants, arrived)))
        for one in program.trigger.events
    ]
    definition, best = max(judged, key=lambda pair: _passed(pair[1]))
    failed = next((one for one in best if not one.passed), None)
    if failed is not None:
        return _refused(row, definition, predicate_members(failed), failed.text)
    return TriggerVerdict(
        workflow=row.workflow,
        version=row.version,
        ref=definition.ref,
        accepted=True,
        gathers=program.trigger.mode == "all",
        text=f"it is the event {definition.ref} of its start",
    )


def _passed(judged: Sequence[Predicate]) -> tuple[bool, int]:
    return judged[0].passed, sum(one.passed for one in judged) - len(judged)


def _refused(
    row: TriggerRow, definition: EventDefinition | None, failed: FailedPredicate | None, text: str
) -> TriggerVerdict:
    return TriggerVerdict(
        workflow=row.workflow,
        version=row.version,
        ref=None if definition is None else definition.ref,
        accepted=False,
        failed=failed,
        text=text,
    )


def _at_another_time(row: TriggerRow, position: int) -> TriggerVerdict:
    """The version was activated later, or had been replaced."""
    if row.from_position >= position:
        wanted = row.from_position
        text = f"position is {position}, wanted above {wanted}: it was applied after the CloudEvent"
    else:
        wanted = row.to_position or 0
        text = f"position is {position}, wanted at most {wanted}: another version had replaced it"
    failed = FailedPredicate(kind="version", name=None, wanted=wanted, given=position)
    return _refused(row, None, failed, text)


def _of_another_type(row: TriggerRow, given: str) -> TriggerVerdict:
    nearest = min(row.types, key=lambda one: (not are_alike(one, given), edit_distance(one, given)))
    failed = Predicate("type", nearest, given, passed=False)
    return _refused(row, None, predicate_members(failed), failed.text)


def near_wait(state: ExecutionState, wait: Wait, arrived: Arrived) -> NearWait | None:
    """What an open wait makes of the CloudEvent, by the filter that comes nearest; None where that
    has nothing to do with it, or the execution has taken it."""
    best: NearWait | None = None
    for one in wait.filters:
        position = arrived.event.position
        if one.ref in wait.received or position in wait.taken:
            continue
        if state.consumed.get(one.ref) == position:
            continue
        if not are_alike(one.type, arrived.event.type):
            continue
        miss = miss_of(state, wait, one, arrived)
        asked = len(list(predicates(state, one, arrived)))
        near = NearWait(
            execution=format_execution(state.id),
            workflow=state.workflow,
            state=wait.name,
            ref=one.ref,
            passed=asked if miss is None else miss.passed,
            asked=asked,
            failed=None if miss is None else predicate_members(miss.failed),
            text="it matches and is on its way there" if miss is None else miss.text,
        )
        if best is None or near.passed - near.asked > best.passed - best.asked:
            best = near
    return best

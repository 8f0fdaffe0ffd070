"""A fork with no edits, the same program and recorded answers writes the rest of its source again,
from every event of every random history.

Compared is the type, frame, node, name, branch, iteration, attempt and body of each event behind
the fork, with what names a later event taken back by one (ExecutionForked stands between). Left out
is what the clock or chance gave: times, due times, delays of retries; and the causation of what
finishes the step that the fork broke off: there it is the fork.
"""

from collections import Counter
from itertools import islice

from msgspec.structs import fields, replace

from engine.core.decide import nodes
from engine.core.decide.resumption import TERMINAL, Trail, idle_frames, is_closing
from engine.core.step import step
from engine.core.timetravel.forking import ForkFault, Prefix, check_program
from engine.core.timetravel.recording import Recording
from engine.core.timetravel.simulation import Simulation
from engine.model.command import Circumstance, ForkExecution
from engine.model.effect import NeedsValues
from engine.model.rejection import Rejection
from engine.model.state import ExecutionState
from schemas import events as log
from schemas.events.parts import AnswerPolicy
from tests.property.case import compile_document, random_document, run_random, smaller_documents
from tests.property.core_run import EXECUTION, worker_answer
from tests.property.holding import check_held
from tests.property.test_simulation import history, timeless

DEFINITIONS = 300
DEFINITIONS_HELD = 150
DEFINITIONS_CHANGED = 50
VERSIONS = 8
NAMING = ("action", "retry_of", "timer", "wait", "subject")
RECORDED = AnswerPolicy(default="recorded")


def test_a_fork_with_recorded_answers_writes_the_rest_of_its_source_again():
    forked = Counter()
    for seed in range(DEFINITIONS):
        document, program = random_document(seed)
        source = run_random(document, program, seed).core.stored
        for at, trail in places(source):
            reproduces(f"seed {seed}, event {at}", program, source, at, trail)
            forked[type(source[at - 1].body).__name__] += 1
    assert len(forked) >= 20, f"hardly any kind of event was forked at: {forked}"
    assert sum(forked.values()) > 5 * DEFINITIONS


def test_no_fork_is_stuck_wherever_its_source_was_held():
    held = 0
    for seed in range(DEFINITIONS_HELD):
        run = check_held(seed)
        if run is not None:
            held += sum(states_of_forks(seed, run.program, run.stored))
    assert held > DEFINITIONS_HELD, "hardly any fork was held"


def test_no_fork_is_stuck_where_the_steps_of_its_source_were_put_off(monkeypatch):
    monkeypatch.setattr(nodes, "MAX_EVENTS_PER_STEP", 3)
    for seed in range(DEFINITIONS_HELD):
        program, source = history(seed, resumes=True)
        list(states_of_forks(seed, program, source))


def states_of_forks(seed, program, source):
    """Whether each fork is held after its first step."""
    for at, trail in places(source):
        state = forked(f"seed {seed}, event {at}", program, at, trail)
        assert state.closed or not idle_frames(state), f"seed {seed}, event {at}"
        yield state.suspended is not None


def forked(name, program, at, trail):
    """The state after the fork's first step."""
    command = ForkExecution(body_of(program, at, AnswerPolicy()), trail.broken_off)
    answers = {}
    while True:
        made = step(program, trail.state, command, Circumstance(at=trail.state.at), answers)
        if isinstance(made, NeedsValues):
            answers.update({one: worker_answer(one) for one in made.requests})
            continue
        assert not isinstance(made, Rejection), f"{name}: {made}"
        return made.state


def places(source):
    """Every event that a fork may go on from, with the trail up to it."""
    trail = Trail(ExecutionState(id=EXECUTION))
    for event in source:
        trail.note(event)
        if trail.state.phase != "running" or isinstance(event.body, TERMINAL):
            continue
        if is_closing(event) or opens_by_event(source, event):
            continue
        yield event.seq, trail


def opens_by_event(source, event):
    """Whether the CloudEvent that starts the execution is yet to be taken."""
    started = next(one for one in source if isinstance(one.body, log.ExecutionStarted))
    waited = any(isinstance(one.body, log.GatheringOpened) for one in source)
    if started.body.trigger is None and not waited:
        return False
    return not any(
        started.seq < one.seq <= event.seq
        and isinstance(one.body, (log.EventReceived, log.ErrorCaught))
        for one in source
    ) or any(isinstance(one.body, log.EventWaitClosed) and not one.frame for one in source)


def reproduces(name, program, source, at, trail):
    body = body_of(program, at, RECORDED)
    simulation = Simulation(program, trail.state, Recording.of(source, after=at))
    simulation.begin(ForkExecution(body, trail.broken_off), trail.state.at)
    outcome = simulation.run()
    while isinstance(outcome, NeedsValues):
        outcome = simulation.answer({one: worker_answer(one) for one in outcome.requests})
    forked, *ours = outcome.events
    assert forked.seq == at + 1, name
    ours = [taken_back(one, at) for one in timeless(ours)]
    theirs = [plain(one) for one in timeless(source[at:])]
    for one, other in zip(ours, theirs, strict=False):
        assert same(one, other, at), f"{name}:\n{one}\n{other}"
    assert len(ours) == len(theirs), f"{name}: {outcome.stop}"


def body_of(program, at, policy):
    return log.ExecutionForked(
        source="ex_source", at=at, source_hash="", workflow=program.workflow,
        version=program.version, definition_hash=program.definition_hash, dialect=program.dialect,
        ir_version=program.ir_version, policy=policy,
    )  # fmt: skip


def taken_back(event, at):
    def back(seq):
        return seq - 1 if seq is not None and seq > at else seq

    names = {one.name for one in fields(event.body)}
    changed = {key: back(getattr(event.body, key)) for key in NAMING if key in names}
    body = replace(event.body, **changed)
    return plain(
        replace(
            event, seq=event.seq - 1, frame=back(event.frame), causation=back(event.causation),
            body=body,
        )
    )  # fmt: skip


def plain(event):
    """Without what says who answers: only a fork counts its calls."""
    if isinstance(event.body, log.ActionScheduled):
        body = replace(event.body, answered_by="live", path="", occurrence=0)
        return replace(event, body=body)
    if isinstance(event.body, log.EventAwaited):
        return replace(event, body=replace(event.body, path="", occurrence=0))
    return event


def same(one, other, at):
    if one.causation == at:  # taken back from the fork itself
        other = replace(other, causation=at)
    return one == other


def test_a_fork_under_a_version_that_fits_goes_on_and_is_not_stuck():
    fits = refused = 0
    for seed in range(DEFINITIONS_CHANGED):
        document, program = random_document(seed)
        source = run_random(document, program, seed).core.stored
        for changed in islice(smaller_documents(document), VERSIONS):
            other = compile_document(changed)
            for at, prefix in prefixes(source) if other is not None else ():
                try:
                    check_program(other, prefix)
                except ForkFault:
                    refused += 1
                    continue
                state = forked(f"seed {seed}, event {at}", other, at, prefix)
                assert state.closed or not idle_frames(state), f"seed {seed}, event {at}"
                fits += 1
    assert fits > 20 * DEFINITIONS_CHANGED
    assert refused > DEFINITIONS_CHANGED


def prefixes(source):
    """As `places`, with all that a check of another version looks at."""
    wanted = {at for at, _ in places(source)}
    prefix = Prefix(ExecutionState(id=EXECUTION))
    for event in source:
        prefix.note(event)
        if event.seq in wanted:
            yield event.seq, prefix

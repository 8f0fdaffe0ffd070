"""Who answers the calls of a fork: a real call, the log of its source, or an answer made up."""

from typing import Final, NamedTuple

from engine.core.decide.flow import state_frame
from engine.core.decide.turn import Turn
from engine.core.paths import path_of
from engine.model.state import Action, ExecutionState
from schemas.events.parts import AnsweredBy, AnswerPolicy, Error, MockAnswer


class Counted(NamedTuple):
    """Who answers a call, and which answer of the source is meant: see `ActionScheduled`."""

    answered_by: AnsweredBy
    path: str
    occurrence: int


UNCOUNTED: Final = Counted("live", "", 0)
_NO_MOCK: Final = MockAnswer(
    error=Error(code="fork.no_mock", message="no answer was given for this action")
)


def count(turn: Turn, frame_id: int, name: str, handler: str = "") -> Counted:
    """Of a call that is asked for the first time (or the wait of a callback). An expression is
    evaluated, whatever was recorded of it."""
    fork = turn.state.fork
    if fork is None or not _is_counted(fork.policy):
        return UNCOUNTED
    path = path_of(turn.state.frames, frame_id, name)
    state = state_frame(turn, frame_id)
    answered_by = answerer(fork.policy, "" if state is None else state.name, name)
    if handler == "expression" and answered_by == "recorded":
        answered_by = "live"
    return Counted(answered_by, path, fork.counts.get(path, 0) + 1)


def answerer_of(state: ExecutionState, action: Action) -> AnsweredBy:
    """Who answers an attempt of a call that this state has open."""
    if state.fork is None:
        return "live"
    return answerer(state.fork.policy, _state_name(state, action.frame), action.name)


def answerer(policy: AnswerPolicy, state: str, action: str) -> AnsweredBy:
    """Who answers calls of this name; the name with its state before it counts first."""
    named = policy.actions.get(f"{state}/{action}") or policy.actions.get(action)
    return named or policy.default


def mocked(state: ExecutionState, action: Action) -> MockAnswer:
    """The answer made up for this attempt: in the order of the calls, and of the attempts of each,
    under the same path; the last one stays."""
    assert state.fork is not None, "only forks are mocked"
    mocks = state.fork.policy.mocks
    name = f"{_state_name(state, action.frame)}/{action.name}"
    answers = mocks.get(name) or mocks.get(action.name) or (_NO_MOCK,)
    number = max(action.call.occurrence, 1) + action.attempt - 2
    return answers[min(number, len(answers) - 1)]


def skips_timers(state: ExecutionState) -> bool:
    """Whether sleeps and delays are over at once."""
    return state.fork is not None and state.fork.policy.skip_timers


def _is_counted(policy: AnswerPolicy) -> bool:
    return policy.default != "live" or bool(policy.actions)


def _state_name(state: ExecutionState, frame_id: int) -> str:
    frame = state.frames.get(frame_id)
    while frame is not None and frame.kind != "state":
        frame = state.frames.get(frame.parent)
    return "" if frame is None else frame.name

"""step(program, state, command) -> Step: the one call from the runtime into the core.

It never waits and has no effect. The same inputs and answers give the same events.
"""

from collections.abc import Mapping

from engine.core.decide import decide
from engine.core.decide.flow import fail_execution
from engine.core.decide.turn import Turn
from engine.core.react import react
from engine.core.values import Values
from engine.model.command import Circumstance, Command
from engine.model.effect import NeedsValues, Step
from engine.model.evaluation import EvalAnswer, EvalRequest
from engine.model.limits import MAX_EVENTS_PER_EXECUTION
from engine.model.program import Program
from engine.model.rejection import Rejection
from engine.model.state import ExecutionState
from schemas.events.parts import Error

_NO_ANSWERS: Mapping[EvalRequest, EvalAnswer] = {}


def step(
    program: Program,
    state: ExecutionState,
    command: Command,
    circumstance: Circumstance,
    answers: Mapping[EvalRequest, EvalAnswer] = _NO_ANSWERS,
) -> Step | NeedsValues | Rejection:
    """Decide one command. `NeedsValues`: evaluate these and call again with the answers added to
    those given before; a Rejection: nothing changed. `state` stays as it is in every case."""
    turn = Turn(program, state, circumstance, Values(answers))
    rejection = decide(turn, command)
    if turn.pending:
        return NeedsValues(tuple(dict.fromkeys(one.request for one in turn.pending)))
    if rejection is not None:
        return rejection
    if turn.state.seq > MAX_EVENTS_PER_EXECUTION and not turn.state.closed:
        _give_up(turn)
    effects = react(state, turn.state)
    return Step(tuple(turn.events), turn.state, effects, tuple(turn.remarks))


def _give_up(turn: Turn) -> None:
    message = f"the execution has more than {MAX_EVENTS_PER_EXECUTION} events; end the loop earlier"
    fail_execution(turn, Error(code="execution.too_many_events", message=message))

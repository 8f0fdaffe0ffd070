"""Every command: whether it is still wanted, and what it sets in motion."""

from collections.abc import Callable
from typing import Any, Final

from engine.core.decide import act, forking, holds, importing, listen, nodes, resumption, start
from engine.core.decide.flow import close_inside
from engine.core.decide.nodes import guarded
from engine.core.decide.turn import Turn
from engine.core.matching import accepting
from engine.model import command as commands
from engine.model.program import Act, Listen
from engine.model.rejection import Rejection
from schemas.events import bodies
from schemas.events.parts import Asked


def decide(turn: Turn, command: commands.Command) -> Rejection | None:
    """Record what the command leads to. A rejection: nothing was recorded."""
    if not isinstance(command, _NOTES):
        if turn.state.closed:
            return Rejection("execution.closed", f"the execution is already {turn.state.phase}")
        if turn.state.is_imported and not isinstance(command, commands.ForkExecution):
            return Rejection("execution.imported", "an imported execution never goes on: fork it")
    rejection = _COMMANDS[type(command)](turn, command)
    if rejection is None:
        nodes.run(turn)
    return rejection


def _start(turn: Turn, command: commands.StartExecution) -> Rejection | None:
    if turn.state.phase != "new":
        return Rejection("execution.exists", "the execution has already started")
    guarded(turn, 0, lambda: start.start(turn, command))
    return None


def _complete_action(turn: Turn, command: commands.CompleteAction) -> Rejection | None:
    action = turn.state.actions.get(command.action)
    if action is None:
        return _not_pending(command.action)
    turn.cause, turn.place = action.id, action.node
    guarded(turn, action.frame, lambda: act.completed(turn, command))
    return None


def _fail_action(turn: Turn, command: commands.FailAction) -> Rejection | None:
    action = turn.state.actions.get(command.action)
    if action is None:
        return _not_pending(command.action)
    turn.cause, turn.place = action.id, action.node
    guarded(turn, action.frame, lambda: act.failed(turn, command))
    return None


def _not_pending(action: int) -> Rejection:
    return Rejection("action.not_pending", f"no action {action} waits for an answer")


def _fire_timer(turn: Turn, command: commands.FireTimer) -> Rejection | None:
    timer = turn.state.timers.get(command.timer)
    if timer is None:
        return Rejection("timer.not_open", f"no timer {command.timer} is running")
    if turn.at < timer.due:
        return Rejection("timer.not_due", f"timer {timer.id} is due at {timer.due}")
    turn.cause, turn.place = timer.id, timer.node
    resumption.fire(turn, timer)
    return None


def _offer_event(turn: Turn, command: commands.OfferEvent) -> Rejection | None:
    if turn.state.phase not in ("new", "gathering"):
        return Rejection("execution.exists", "the gathering already became an execution")
    rejection: list[Rejection | None] = [None]

    def move() -> None:
        rejection[0] = start.offer(turn, command)

    guarded(turn, 0, move)
    return rejection[0]


def _deliver_event(turn: Turn, command: commands.DeliverEvent) -> Rejection | None:
    wait = turn.state.waits.get(command.wait)
    if wait is None or turn.state.phase != "running":
        return Rejection("wait.not_open", f"no wait {command.wait} is open")
    arrived = forking.edited(turn.state, command.arrived)
    ref = accepting(turn.state, wait, arrived)
    if ref is None:
        return Rejection("event.not_wanted", "no filter of the wait accepts this CloudEvent")
    node = turn.program.nodes[wait.node]
    assert isinstance(node, Listen)
    turn.cause, turn.place = wait.id, wait.node
    frame = turn.frame(wait.frame)
    guarded(turn, frame.id, lambda: listen.receive(turn, frame, node, ref, arrived, wait))
    return None


def _deliver_callback(turn: Turn, command: commands.DeliverCallback) -> Rejection | None:
    frame = turn.state.frames.get(command.frame)
    wait = next(
        (one for one in turn.state.waits.values() if one.callback and one.frame == command.frame),
        None,
    )
    if frame is not None and wait is not None:
        turn.cause, turn.place = wait.id, wait.node
        guarded(turn, frame.id, lambda: listen.receive_callback(turn, wait, command.data))
        return None
    if frame is None or frame.answer or not _calls_back(turn, frame.id):
        return Rejection("callback.not_open", "this callback was answered, or is no longer open")
    turn.record(
        bodies.CallbackReceived(data=command.data, asked=turn.circumstance.asked),
        frame=frame.id, node=frame.node, name=frame.name,
    )  # fmt: skip
    return None


def _calls_back(turn: Turn, frame_id: int) -> bool:
    """Whether the frame is a state that will wait for a callback once its action is done."""
    pending: list[Any] = [*turn.state.actions.values(), *turn.state.timers.values()]
    nodes_here = (turn.program.nodes.get(one.node) for one in pending if one.frame == frame_id)
    return any(isinstance(node, Act) and node.callback for node in nodes_here)


def _cancel(turn: Turn, _: commands.CancelExecution) -> Rejection | None:
    if turn.state.phase != "running":
        return Rejection("execution.not_started", "there is no running execution to cancel")
    close_inside(turn, turn.state.root, "cancelled")
    turn.record(
        bodies.ExecutionCancelled(asked=turn.circumstance.asked or Asked()), frame=turn.state.root
    )
    return None


_NOTES: Final = (commands.NoteFork, commands.ImportExecution)
"""What may be said of an execution that has ended, or never goes on."""

_COMMANDS: Final[dict[type, Callable[[Turn, Any], Rejection | None]]] = {
    commands.StartExecution: _start,
    commands.OfferEvent: _offer_event,
    commands.CompleteAction: _complete_action,
    commands.FailAction: _fail_action,
    commands.FireTimer: _fire_timer,
    commands.DeliverEvent: _deliver_event,
    commands.DeliverCallback: _deliver_callback,
    commands.CancelExecution: _cancel,
    commands.FailExecution: forking.fail_for_want,
    commands.ForkExecution: forking.fork,
    commands.NoteFork: forking.note,
    commands.ImportExecution: importing.note,
    commands.SuspendExecution: holds.suspend,
    commands.ResumeExecution: holds.resume,
}

"""One execution's part of a group commit: its waiting commands, decided one after the other."""

from dataclasses import dataclass, field

from engine.core.react import react
from engine.core.step import step
from engine.model.breakpoint import Breakpoint, BreakpointRemark
from engine.model.command import (
    Circumstance,
    DeliverEvent,
    FireTimer,
    ForkExecution,
    ImportExecution,
    OfferEvent,
)
from engine.model.effect import Effects, NeedsValues, Step
from engine.model.evaluation import EvalRequest
from engine.model.event import Event
from engine.model.rejection import Rejection
from engine.model.state import ExecutionState
from engine.ports.rows import EventRow
from engine.runtime.acceptance import still_wanted
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution, Mail
from engine.runtime.prefix import CopyPrefix


class TooManyRounds(Exception):
    """A command asks the expression workers again and again."""


class ForkRefused(Exception):
    """The core does not take a fork or an import as it was accepted."""


@dataclass(slots=True)
class Turn:
    """What the commands of one execution led to: events from `before` to `after`, the mails they
    came in, timers whose index row is stale (the core did not know them), what conditions of
    breakpoints could not say, and, if the next command is held up, the expressions it needs.
    `data_bytes`: what the events' data takes in the log.
    `copies`: events that are another execution's, by seq; `forks`: the copy is complete, and what
    is pending in it begins."""

    hot: HotExecution
    before: ExecutionState
    after: ExecutionState
    events: list[Event] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    stale_timers: list[int] = field(default_factory=list)
    requests: tuple[EvalRequest, ...] = ()
    remarks: list[BreakpointRemark] = field(default_factory=list)
    effects: Effects = Effects()
    hash: bytes = b""
    data_bytes: int = 0
    copies: dict[int, EventRow] = field(default_factory=dict)
    forks: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not (self.events or self.stale_timers or any(mail.taken for mail in self.mails))


def turn_of(hot: HotExecution) -> Turn:
    """A turn in which nothing was decided yet."""
    return Turn(hot, hot.state, hot.state)


def take_turn(turn: Turn, context: EngineContext) -> None:
    """Decide what is waiting, up to the limit of one turn or to a command that needs values.
    Nothing of the execution changes but its queue of mails: those that were dealt with are in the
    turn. Raises what the core raises for a poisoned execution."""
    hot, steps = turn.hot, 0
    while hot.mails and len(turn.mails) < context.settings.commands_per_turn:
        mail = hot.mails[0]
        outcome = _decide(turn, mail, context)
        if isinstance(outcome, NeedsValues):
            mail.rounds += 1
            if mail.rounds > context.settings.max_evaluation_rounds:
                raise TooManyRounds(f"more than {mail.rounds - 1} rounds of evaluation")
            turn.requests = outcome.requests
            break
        hot.mails.popleft()
        turn.mails.append(mail)
        if isinstance(mail.command, CopyPrefix):
            turn.copies.update((row.seq, row) for row in mail.command.rows)
        if isinstance(outcome, Step):
            turn.forks = turn.forks or isinstance(mail.command, ForkExecution)
            steps += 1
            turn.events.extend(outcome.events)
            turn.after = outcome.state
            turn.effects = outcome.effects
            if context.armed:
                context.armed.decided(outcome.state)
                turn.remarks.extend(outcome.remarks)
        elif outcome is not None:
            _refused(turn, mail, outcome, context)
    if hot.origin is not None:
        turn.effects = react(None, turn.after) if turn.forks else Effects()
    elif steps > 1:
        turn.effects = react(turn.before, turn.after)
    context.tally.steps += steps


def _decide(
    turn: Turn, mail: Mail, context: EngineContext
) -> Step | NeedsValues | Rejection | None:
    command = mail.command
    if command is None:
        return None
    if isinstance(command, CopyPrefix):
        return _copied(turn, command)
    if isinstance(command, DeliverEvent) and not still_wanted(turn.after, command):
        return Rejection("event.not_wanted", "the wait has changed since the CloudEvent was found")
    if mail.circumstance is None:
        mail.circumstance = Circumstance(
            at=max(context.clock.now_ms(), turn.after.at),
            actor=mail.actor,
            traceparent=mail.traceparent,
            chance=context.ports.chance(),
            asked=mail.asked,
            breakpoints=_breakpoints(turn.hot, context) if context.armed else (),
        )
    return step(turn.hot.loaded.program, turn.after, command, mail.circumstance, mail.answers)


def _breakpoints(hot: HotExecution, context: EngineContext) -> tuple[Breakpoint, ...]:
    return context.armed.of(hot.namespace, hot.loaded.program, hot.id, context.clock.now_ms())


def _copied(turn: Turn, prefix: CopyPrefix) -> Step:
    if turn.after.seq + 1 != prefix.rows[0].seq:
        raise ForkRefused(f"event {prefix.rows[0].seq} does not follow event {turn.after.seq}")
    return Step(prefix.events, prefix.after, Effects())


def _refused(turn: Turn, mail: Mail, rejection: Rejection, context: EngineContext) -> None:
    """A fork that is not taken as it was accepted is looked into; a refused offer is not for this
    gathering: it keeps its inbox row and is dealt with again."""
    if isinstance(mail.command, (ForkExecution, ImportExecution)):
        raise ForkRefused(rejection.message)
    context.tally.rejections += 1
    mail.refused = True
    if isinstance(mail.command, OfferEvent):
        mail.taken = ()
    if isinstance(mail.command, FireTimer) and mail.command.timer not in turn.after.timers:
        turn.stale_timers.append(mail.command.timer)

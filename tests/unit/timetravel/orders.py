"""Orders: a definition, versions of it, and histories that the core wrote with it."""

import json

from engine.core.step import step
from engine.dialects.cncf_v08 import program_of
from engine.model.command import Circumstance, CompleteAction, FailAction, StartExecution
from engine.model.state import ExecutionState
from schemas.events import ActionScheduled, Error
from tests.property.core_run import EXECUTION


def _action(name):
    arguments = {"step": name, "total": "${ .quote.total }"}
    return {"name": name, "functionRef": {"refName": "call", "arguments": arguments}}


ORDER = {
    "id": "order",
    "version": "1",
    "specVersion": "0.8",
    "start": "Price",
    "functions": [{"name": "call", "type": "custom", "operation": "python:shop:call"}],
    "states": [
        {
            "name": "Price",
            "type": "operation",
            "actions": [
                {
                    "name": "quote",
                    "functionRef": {"refName": "call"},
                    "actionDataFilter": {"toStateData": "${ .quote }"},
                }
            ],
            "transition": "Decide",
        },
        {
            "name": "Decide",
            "type": "switch",
            "dataConditions": [{"condition": "${ .quote.total > 50 }", "transition": "Review"}],
            "defaultCondition": {"transition": "Ship"},
        },
        {"name": "Review", "type": "inject", "data": {"reviewed": True}, "transition": "Ship"},
        {"name": "Ship", "type": "operation", "actions": [_action("charge")], "transition": "Note"},
        {"name": "Note", "type": "inject", "data": {"done": True}, "end": True},
    ],
}

RETRIED = (
    ('"states"', '"retries": [{"name": "r", "maxAttempts": 2, "delay": "PT1H"}], "states"'),
    ('"name": "charge",', '"name": "charge", "retryRef": "r",'),
)
"""Changes that have the action `charge` tried three times."""


def program(document, *changes):
    """The program of a definition with some of its text changed."""
    text = json.dumps(document)
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return program_of(text.encode(), "application/json")


def recorded(total, *, version=None, fails=False, answers=2):
    """The events of an order of this total; of its two calls so many are answered."""
    version = version or program(ORDER)
    state, events, at = ExecutionState(id=EXECUTION), [], 1_000
    command = StartExecution(input={"item": "pen"})
    for _ in range(answers + 1):
        made = step(version, state, command, Circumstance(at=at))
        state, at = made.state, at + 250
        events += made.events
        if state.closed:
            break
        action = next(iter(state.actions.values()))
        if action.name == "quote":
            command = CompleteAction(action.id, {"total": total, "customer": "c-1"})
        elif fails:
            command = FailAction(action.id, Error(code="shop.closed", message="nobody is there"))
        else:
            command = CompleteAction(action.id, {"ok": True})
    return events


def started(events, name):
    """The seq of the event that asked for this action."""
    return next(
        one.seq for one in events if one.name == name and isinstance(one.body, ActionScheduled)
    )

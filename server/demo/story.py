"""The story that the demo tells."""

import json
import signal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.syntax import Syntax

from server.cli.audit import replay_verdict, verify_verdict
from server.demo.board import Board
from server.demo.client import Client
from server.demo.stage import Stage

_ORDER = {"id": "A7", "total": 120, "items": ["lamp", "bulb"], "takes_s": 4}


async def tell(stage: Stage, client: Client, console: Console, examples: Path) -> None:
    """All of it; raises when anything is not as it should be."""
    board = Board(client, console)
    console.rule("[bold]1  definitions")
    for definition in sorted(examples.glob("*.sw.yaml")):
        applied = await client.apply(definition)
        console.print(f"  applied [bold]{applied['workflow']}[/] {applied['version']}")
    await stage.serve("engine-1", "--role", "engine")
    console.rule("[bold]2  CloudEvents start executions")
    await _publish(client, console)
    await board.until("an engine works", lambda: _all_open(board))
    console.rule("[bold]3  kill -9")
    killed = await stage.end("engine-1", signal.SIGKILL)
    console.print(f"  engine-1 (process {killed}) is dead, and leaves open:")
    console.print("  an action in flight, a timer, a wait for a callback")
    await client.publish("bank.payment.settled", "/bank", "s-1", {"ok": True}, orderid="A7")
    console.print("  the payment settles while nobody is there and nobody waits for it yet")
    await stage.serve("engine-2", "--role", "engine")
    await board.until("another engine goes on", lambda: _reviewer_asked(board))
    await _answer(client, console, board)
    await board.until("everything ends", lambda: _all_closed(board))
    console.rule("[bold]4  time travel")
    await _travel(client, console, board)


async def _publish(client: Client, console: Console) -> None:
    await client.publish("shop.order.placed", "/shop", "o-1", _ORDER, orderid="A7")
    incident = {"service": "db", "needs": 3}
    await client.publish("monitoring.alert", "/monitoring", "m-1", incident, service="db")
    await client.publish("desk.ticket", "/desk", "t-1", {"ticket": 5}, service="db")
    ad = {"id": "ad-1", "text": "nice lamps", "width": 200, "advertiser": "known-shop"}
    await client.post("/executions", {"workflow": "advertisement-review", "input": {"ad": ad}})
    again = await client.publish("shop.order.placed", "/shop", "o-1", _ORDER, orderid="A7")
    outcome = again["receipts"][0]["outcome"]
    console.print(f"  published an order, an alert, a ticket; the order again: [bold]{outcome}[/]")
    assert outcome == "duplicate", again


def _all_open(board: Board) -> bool:
    """Whether an action is in flight, a timer runs and a wait is open, each somewhere."""
    kinds = [_last(board, workflow) for workflow in ("order-handling", "operations-automation")]
    charging = kinds[0] == ("ActionScheduled", "charge the card")
    waiting = any(one["waits"] for one in board.of("advertisement-review"))
    return charging and kinds[1][0] == "TimerSet" and waiting


def _last(board: Board, workflow: str) -> tuple[str, str]:
    for one in board.of(workflow):
        event = board.events[one["id"]][-1]
        return event["type"], event["name"]
    return "", ""


def _reviewer_asked(board: Board) -> bool:
    """Whether the order went on after the kill."""
    return any(one["status"] == "completed" for one in board.of("order-handling"))


async def _answer(client: Client, console: Console, board: Board) -> None:
    (review,) = board.of("advertisement-review")
    token = review["waits"][0]["callback_token"]
    await client.post(f"/callbacks/{token}", {"approved": True, "by": "Ada"})
    console.print("  a person answers the callback that was open all the time")


def _all_closed(board: Board) -> bool:
    return bool(board.executions) and all(one["closed_at"] for one in board.executions.values())


async def _travel(client: Client, console: Console, board: Board) -> None:
    (order,) = board.of("order-handling")
    name = order["id"]
    seqs = {event["type"]: event["seq"] for event in board.events[name]}
    at = next(e["seq"] for e in board.events[name] if e["type"] == "ActionCompleted")
    then = await client.get(f"/executions/{name}/state", at=at)
    console.print(f"  {name} at event {at} of {max(seqs.values())}:")
    console.print(_json(_data_of(then)))
    console.print("  and at its end:")
    console.print(_json(order["output"]))
    charges = [e for e in board.events[name] if e["type"] == "ActionScheduled"]
    console.print(f"  {len(charges)} actions were scheduled, once each; the kill is not in the log")
    verified = await client.get(f"/executions/{name}/verify")
    replayed = await client.get(f"/executions/{name}/replay")
    console.print(f"  verify: {verify_verdict(verified)}", highlight=False)
    console.print(f"  replay: {replay_verdict(replayed)}", highlight=False)
    assert order["output"]["outcome"] == "accepted", order


def _data_of(state: dict[str, Any]) -> Any:
    return state.get("data", state)


def _json(value: Any) -> Syntax:
    return Syntax(json.dumps(value, indent=2), "json", background_color="default")

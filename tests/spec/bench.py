"""A namespace of a running Refold and a scope of the stub, for one test: apply, start, publish,
and read the logs of what happened. Every execution that is read to its end must verify and
replay to the same state."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.conftest import Refold, Reply
from tests.spec.stub import Stub

FEATURES = Path(__file__).parent / "features"
ENVELOPE = {"Content-Type": "application/vnd.refold.definition+json"}
STRUCTURED = {"Content-Type": "application/cloudevents+json"}
OPEN = ("running", "waiting")


@dataclass(frozen=True)
class Log:
    """One execution as the API tells it, and the events of its log."""

    execution: dict[str, Any]
    events: list[dict[str, Any]]

    @property
    def status(self) -> str:
        return str(self.execution["status"])

    @property
    def output(self) -> Any:
        return self.execution["output"]

    @property
    def error(self) -> Any:
        return self.execution["error"]

    @property
    def path(self) -> list[str]:
        """The names of the states entered, in order."""
        return [event["name"] for event in self.of("StateEntered")]

    def of(self, *types: str) -> list[dict[str, Any]]:
        """The events of these types."""
        return [event for event in self.events if event["type"] in types]

    def data(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of the events of a type."""
        return [event["data"] for event in self.of(kind)]

    def names(self, kind: str) -> list[str]:
        return [event["name"] for event in self.of(kind)]

    @property
    def emitted(self) -> list[dict[str, Any]]:
        """Type, source, data and extensions of each CloudEvent produced."""
        return [
            {key: one[key] for key in ("type", "source", "data", "extensions") if key in one}
            for one in self.data("EventEmitted")
        ]


class Bench:
    """One test's place in the server and the stub."""

    def __init__(self, refold: Refold, stub: Stub) -> None:
        self.refold = refold
        self.stub = stub
        self.scope = f"t-{uuid.uuid4().hex[:12]}"
        self.namespace = self.scope

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """A request to a path of the namespace."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.refold.ask(method, path, body, sent, self.namespace)

    def submit(
        self, text: str, resources: dict[str, str] | None = None, media: str = "application/yaml"
    ) -> Reply:
        """POST a definition with documents."""
        body = {"definition": text, "media_type": media, "resources": resources or {}}
        return self.refold.ask(
            "POST", "/definitions", json.dumps(body), ENVELOPE, namespace=self.namespace
        )

    def apply(self, text: str, resources: dict[str, str] | None = None, **more: str) -> str:
        """Apply a definition that must be accepted; its workflow's id."""
        reply = self.submit(text, resources, **more)
        assert reply.status == 201, reply.body.decode()
        return str(reply.json["workflow"])

    def feature(self, name: str, *operations: str) -> str:
        """Apply a definition of `features/`; STUB in it is our scope of the stub, and `operations`
        are those of the OpenAPI document `stub.json`."""
        text = (FEATURES / f"{name}.yaml").read_text()
        documents = {"stub.json": self.stub.document(self.scope, list(operations))}
        return self.apply(
            text.replace("STUB", f"{self.stub.url}/{self.scope}"), documents if operations else {}
        )

    def answers(self, operation: str, behaviour: Any) -> None:
        """What the stub says to our calls of the operation."""
        self.stub.answers(self.scope, operation, behaviour)

    def calls(self, operation: str | None = None) -> list[Any]:
        """The arguments of our calls, in order of arrival."""
        found = self.stub.calls(self.scope)
        return [one.arguments for one in found if operation in (None, one.operation)]

    def start(self, workflow: str, given: Any = None, **members: Any) -> str:
        """Start an execution; its id."""
        body = {"workflow": workflow, **members}
        if given is not None:
            body["input"] = given
        reply = self.ask("POST", "/executions", body)
        assert reply.status in (200, 201, 202), reply.body.decode()
        return str(reply.json["id"])

    def run(self, workflow: str, given: Any = None) -> Log:
        """Start an execution and wait for its end."""
        return self.ended(self.start(workflow, given))

    def publish(self, kind: str, data: Any = None, source: str = "/test", **more: str) -> Any:
        """Publish a CloudEvent; its receipt."""
        event = {"specversion": "1.0", "id": uuid.uuid4().hex, "type": kind, "source": source}
        return self.publish_event({**event, "data": data, **more})

    def publish_event(self, event: dict[str, Any]) -> Any:
        """Publish a CloudEvent as it is; its receipt."""
        reply = self.refold.ask(
            "POST", "/events", json.dumps(event), STRUCTURED, namespace=self.namespace
        )
        assert reply.status < 300, reply.body.decode()
        return reply.json["receipts"][0]

    def started(self, count: int, workflow: str | None = None) -> list[str]:
        """The ids of the namespace's executions, in no order, once there are that many."""

        def look() -> list[str]:
            items = self.ask("GET", "/executions?limit=100").json["items"]
            return sorted(one["id"] for one in items if workflow in (None, one["workflow"]))

        found = self.until(look, lambda ids: len(ids) >= count)
        assert len(found) == count, found
        return found

    def triggered(self, count: int) -> list[Log]:
        """The logs of that many executions, ended, in the order of the CloudEvents that began."""
        logs = [self.ended(one) for one in self.started(count)]
        return sorted(logs, key=lambda log: log.data("ExecutionStarted")[0]["trigger"]["position"])

    def ended(self, execution: str) -> Log:
        """Wait for its end; read its log; it must verify and replay."""
        log = self.when(execution, lambda log: log.status not in OPEN)
        replayed = self.ask("GET", f"/executions/{execution}/replay")
        assert replayed.json["equal"], replayed.body
        verified = self.ask("GET", f"/executions/{execution}/verify")
        assert verified.json["intact"], verified.body
        return log

    def when(self, execution: str, condition: Callable[[Log], Any]) -> Log:
        """Wait until the log is so; fail when it has ended and never will be."""
        log: Log = self.until(
            lambda: self.log(execution), lambda log: condition(log) or log.status not in OPEN
        )
        assert condition(log), (log.status, log.error, log.events[-1])
        return log

    def log(self, execution: str) -> Log:
        """The execution and its log as they stand."""
        members = self.ask("GET", f"/executions/{execution}")
        assert members.status == 200, members.body.decode()
        events: list[dict[str, Any]] = []
        while True:
            after = events[-1]["seq"] if events else 0
            page = self.ask("GET", f"/executions/{execution}/events?after={after}&limit=200").json
            events += page["items"]
            if page["next"] is None:
                return Log(members.json, events)

    def waiting(self, execution: str) -> Log:
        """Wait until a wait for CloudEvents is open."""
        return self.when(execution, lambda log: log.execution["waits"])

    def until(
        self, question: Callable[[], Any], condition: Callable[[Any], Any], within_s: float = 40
    ) -> Any:
        """Ask again until the answer fulfils the condition; fail long after any machine should."""
        ends_at = time.monotonic() + within_s
        while True:
            answer = question()
            if condition(answer):
                return answer
            assert time.monotonic() < ends_at, f"it did not happen: {answer}"
            time.sleep(0.03)

"""A valid definition that uses everything which can be wrong, and edits that make it wrong."""

from copy import deepcopy
from typing import Any

REMOVE = object()


def definition() -> dict[str, Any]:
    """All eight states; each next one is reached from the one before."""
    return deepcopy(_DEFINITION)


def edited(*edits: tuple[str, Any]) -> dict[str, Any]:
    """The definition with values put at, or removed from, the given JSON pointers."""
    document = definition()
    for pointer, value in edits:
        *way, last = [part.replace("~1", "/") for part in pointer.split("/")[1:]]
        parent: Any = document
        for part in way:
            parent = parent[int(part)] if isinstance(parent, list) else parent[part]
        if isinstance(parent, list) and value is REMOVE:
            del parent[int(last)]
        elif isinstance(parent, list):
            parent[int(last) : int(last) + 1] = [deepcopy(value)]
        elif value is REMOVE:
            del parent[last]
        else:
            parent[last] = deepcopy(value)
    return document


RESOURCES = {
    "http://example.org/api.json": b'{"openapi": "3.1.0", "paths": {"/a": {"post": '
    b'{"operationId": "doIt"}, "parameters": []}}}',
    "file://retries.yaml": b"retries:\n- name: Gentle\n  maxAttempts: 2\n  delay: PT1S\n",
    "file://bad.yaml": b"retries:\n- name: Gentle\n  maxAttempts: never\n",
    "file://shape.yaml": b"retries:\n- name: Gentle\n  dealy: PT1S\n",
    "file://broken.json": b'{"retries": [',
    "file://list.json": b"[]",
    "file://empty.json": b"{}",
}

_DEFINITION: dict[str, Any] = {
    "id": "sink",
    "version": "1",
    "specVersion": "0.8",
    "start": "Wait",
    "constants": {"rate": 0.19},
    "secrets": ["token"],
    "timeouts": {"actionExecTimeout": "PT30S", "eventTimeout": "PT1H"},
    "errors": [{"name": "Late", "code": "timeout"}, {"name": "Broken"}],
    "retries": [
        {"name": "Patient", "maxAttempts": 3, "delay": "PT1S", "multiplier": 2, "jitter": 0.1}
    ],
    "events": [
        {
            "name": "Ordered",
            "type": "shop.ordered",
            "source": "shop",
            "kind": "consumed",
            "correlation": [{"contextAttributeName": "order"}],
        },
        {"name": "Paid", "type": "shop.paid", "source": "shop"},
        {"name": "Shipped", "type": "shop.shipped", "source": "depot", "kind": "produced"},
    ],
    "functions": [
        {"name": "call", "operation": "http://example.org/api.json#doIt"},
        {"name": "fetch", "type": "custom", "operation": "rest:GET:https://example.org/x"},
        {"name": "compute", "type": "custom", "operation": "python:shop.prices:total"},
        {"name": "double", "type": "expression", "operation": "${ .n * 2 }"},
    ],
    "states": [
        {
            "name": "Wait",
            "type": "event",
            "onEvents": [
                {
                    "eventRefs": ["Ordered"],
                    "eventDataFilter": {"data": ".order", "toStateData": ".order"},
                    "actions": [{"functionRef": "fetch"}],
                }
            ],
            "timeouts": {"eventTimeout": "P1D"},
            "transition": "Work",
        },
        {
            "name": "Work",
            "type": "operation",
            "stateDataFilter": {"input": "${ . }", "output": "."},
            "actions": [
                {
                    "name": "first",
                    "functionRef": {
                        "refName": "call",
                        "arguments": {"id": "${ .order.id }", "key": "${ $SECRETS.token }"},
                    },
                    "condition": ".order != null",
                    "sleep": {"before": "PT1S", "after": "PT2S"},
                    "retryRef": "Patient",
                    "retryableErrors": ["Broken"],
                    "actionDataFilter": {
                        "fromStateData": ".",
                        "results": ".total",
                        "toStateData": ".total",
                    },
                }
            ],
            "onErrors": [{"errorRef": "Late", "transition": "Rest"}],
            "transition": "Choose",
        },
        {
            "name": "Choose",
            "type": "switch",
            "dataConditions": [
                {"name": "big", "condition": ".total > 100", "transition": "Both"},
                {"condition": "${ .total == 0 }", "end": True},
            ],
            "defaultCondition": {"transition": "Rest"},
        },
        {"name": "Rest", "type": "sleep", "duration": "PT1M", "transition": "Fill"},
        {"name": "Fill", "type": "inject", "data": {"n": 21}, "transition": "Both"},
        {
            "name": "Both",
            "type": "parallel",
            "completionType": "atLeast",
            "numCompleted": 1,
            "branches": [
                {"name": "left", "actions": [{"functionRef": "double"}]},
                {"name": "right", "actions": [{"functionRef": "compute"}]},
            ],
            "transition": "All",
        },
        {
            "name": "All",
            "type": "foreach",
            "inputCollection": ".items",
            "outputCollection": ".results",
            "iterationParam": "item",
            "batchSize": 2,
            "actions": [
                {"functionRef": {"refName": "compute", "arguments": {"i": "${ $item.id }"}}}
            ],
            "transition": "Ask",
        },
        {
            "name": "Ask",
            "type": "callback",
            "action": {"functionRef": "fetch"},
            "eventRef": "Paid",
            "transition": "Race",
        },
        {
            "name": "Race",
            "type": "switch",
            "eventConditions": [
                {
                    "eventRef": "Paid",
                    "end": {
                        "produceEvents": [
                            {
                                "eventRef": "Shipped",
                                "data": "${ .order }",
                                "contextAttributes": {"order": "${ .order.id }"},
                            }
                        ]
                    },
                }
            ],
            "defaultCondition": {"end": {"terminate": True}},
        },
    ],
}

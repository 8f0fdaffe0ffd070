"""OpenAPI operations and arguments become the requests that the documents describe."""

import json

import pytest

from engine.adapters.handlers.openapi_document import DocumentCache, parse_document
from engine.adapters.handlers.openapi_request import openapi_request
from engine.adapters.handlers.refusal import CallRefused

V3 = """
openapi: 3.0.3
info: {title: shop, version: "1"}
servers:
  - url: https://{region}.shop.example/v1
    variables: {region: {default: eu}}
paths:
  /orders/{id}:
    parameters:
      - $ref: "#/components/parameters/Id"
    get:
      operationId: getOrder
      parameters:
        - {name: expand, in: query, schema: {type: array}}
        - {name: fields, in: query, explode: false, schema: {type: array}}
        - {name: piped, in: query, style: pipeDelimited, explode: false, schema: {type: array}}
        - {name: filter, in: query, style: deepObject, schema: {type: object}}
        - {name: X-Trace, in: header, schema: {type: string}}
        - {name: session, in: cookie, schema: {type: string}}
    put:
      operationId: putOrder
      servers: [{url: /v2}]
      requestBody:
        required: true
        content:
          application/vnd.shop+json: {schema: {type: object}}
  /forms:
    post:
      operationId: sendForm
      requestBody: {content: {application/x-www-form-urlencoded: {}}}
  /files:
    post:
      operationId: sendFile
      requestBody: {content: {multipart/form-data: {}}}
  /plain:
    post:
      operationId: sendAnything
      requestBody: {$ref: "#/components/requestBodies/Any"}
    get:
      operationId: required
      parameters: [{name: no, in: query, required: true, schema: {type: boolean}}]
  /circle:
    get:
      operationId: circle
      parameters: [{$ref: "#/components/parameters/A"}]
  /outside:
    get:
      operationId: outside
      parameters: [{$ref: "http://127.0.0.1/other.yaml#/x"}]
components:
  requestBodies:
    Any: {content: {application/json: {}}}
  parameters:
    Id: {name: id, in: path, required: true, schema: {type: string}}
    A: {$ref: "#/components/parameters/B"}
    B: {$ref: "#/components/parameters/A"}
"""

V2 = {
    "swagger": "2.0",
    "host": "pets.example",
    "basePath": "/api",
    "schemes": ["http", "https"],
    "paths": {
        "/pets/{petId}": {
            "get": {
                "operationId": "getPet",
                "parameters": [
                    {"name": "petId", "in": "path", "required": True, "type": "integer"},
                    {"name": "tags", "in": "query", "type": "array"},
                    {"name": "many", "in": "query", "type": "array", "collectionFormat": "multi"},
                    {"name": "piped", "in": "query", "type": "array", "collectionFormat": "pipes"},
                ],
            },
            "put": {
                "operationId": "putPet",
                "parameters": [
                    {"name": "petId", "in": "path", "required": True, "type": "integer"},
                    {"name": "pet", "in": "body", "required": True, "schema": {}},
                ],
            },
        },
        "/forms": {
            "post": {
                "operationId": "sendForm",
                "parameters": [{"name": "name", "in": "formData", "type": "string"}],
            }
        },
    },
}


def request(document, operation_id, arguments, uri="https://docs.example/shop.yaml"):
    content = document.encode() if isinstance(document, str) else json.dumps(document).encode()
    parsed = parse_document(uri, content)
    operation = parsed.operation(operation_id)
    return openapi_request(parsed, uri, operation, arguments, "shown")


def refusal(document, operation_id, arguments, **more) -> str:
    with pytest.raises(CallRefused) as caught:
        request(document, operation_id, arguments, **more)
    return caught.value.error.code


def test_parameters_go_where_the_document_says():
    made = request(
        V3,
        "getOrder",
        {
            "id": "a/b",
            "expand": ["x", "y z"],
            "fields": ["n", "m"],
            "piped": [1, 2],
            "filter": {"state": "open"},
            "X-Trace": "t",
            "session": "s 1",
        },
    )
    assert made.method == "GET"
    assert str(made.url) == (
        "https://eu.shop.example/v1/orders/a%2Fb?expand=x&expand=y+z&fields=n,m&piped=1%7C2"
        "&filter%5Bstate%5D=open"
    )
    assert made.headers == (("X-Trace", "t"), ("Cookie", "session=s%201"))
    assert made.body is None


def test_the_rest_is_the_body_and_a_relative_server_starts_at_the_document():
    made = request(V3, "putOrder", {"id": 7, "total": 1.5, "body": "also data"})
    assert str(made.url) == "https://docs.example/v2/orders/7"
    assert made.body == b'{"total":1.5,"body":"also data"}'
    assert made.headers == (("Content-Type", "application/vnd.shop+json"),)


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ({"body": [1, 2]}, b"[1,2]"),
        ({"body": None}, b"null"),
        ([1], b"[1]"),
        ("text", b'"text"'),
        ({"a": 1}, b'{"a":1}'),
        ({}, None),
        (None, None),
    ],
)
def test_an_argument_named_body_is_the_whole_body(arguments, body):
    assert request(V3, "sendAnything", arguments).body == body


def test_forms_are_sent_where_json_is_not_taken():
    made = request(V3, "sendForm", {"name": "a b", "many": [1, 2]})
    assert made.body == b"name=a+b&many=1&many=2"
    assert request(V2, "sendForm", {"name": "x"}).body == b"name=x"


def test_version_2_knows_host_base_path_and_collection_formats():
    arguments = {"petId": 3, "tags": ["a", "b"], "many": [1, 2], "piped": ["x", "y"]}
    made = request(V2, "getPet", arguments)
    wanted = "https://pets.example/api/pets/3?tags=a,b&many=1&many=2&piped=x%7Cy"
    assert str(made.url) == wanted


@pytest.mark.parametrize("arguments", [{"petId": 3, "pet": {"a": 1}}, {"petId": 3, "a": 1}])
def test_a_body_parameter_takes_its_argument_or_the_rest(arguments):
    assert request(V2, "putPet", arguments).body == b'{"a":1}'


def test_yaml_words_like_no_stay_names():
    assert refusal(V3, "required", {}) == "openapi.missing_argument"
    assert str(request(V3, "required", {"no": False}).url).endswith("/plain?no=false")


@pytest.mark.parametrize(
    ("document", "operation", "arguments", "code"),
    [
        (V3, "getOrder", {}, "openapi.missing_argument"),
        (V3, "putOrder", {"id": 1}, "openapi.missing_argument"),
        (V2, "putPet", {"petId": 1}, "openapi.missing_argument"),
        (V3, "getOrder", {"id": 1, "typo": 2}, "openapi.unknown_argument"),
        (V3, "nowhere", {}, "openapi.unknown_operation"),
        (V3, "sendFile", {"a": 1}, "openapi.unsupported_body"),
        (V3, "circle", {}, "openapi.bad_document"),
        (V3, "outside", {}, "openapi.bad_document"),
        (V3, "getOrder", {"id": ".."}, "http.bad_argument"),
        (V3, "getOrder", {"id": 1, "X-Trace": "a\nb"}, "http.bad_argument"),
        ("a: 1", "x", {}, "openapi.bad_document"),
        ("{", "x", {}, "openapi.bad_document"),
        ("a: [", "x", {}, "openapi.bad_document"),
        ("openapi: 3.0.0\npaths: " + "[" * 200 + "]" * 200, "x", {}, "openapi.bad_document"),
        ("openapi: 3.0.0\npaths: 7", "x", {}, "openapi.unknown_operation"),
    ],
)
def test_what_does_not_fit_the_document_is_refused(document, operation, arguments, code):
    assert refusal(document, operation, arguments) == code


def test_a_document_without_a_server_needs_an_address_of_its_own():
    bare = {"openapi": "3.1.0", "paths": {"/x": {"get": {"operationId": "x"}}}}
    assert str(request(bare, "x", None).url) == "https://docs.example/x"
    assert refusal(bare, "x", None, uri="specs/x.json") == "openapi.no_server"


def test_alias_bombs_and_large_documents_are_refused_before_they_cost_anything():
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 50)}]" for n in range(1, 30)]
    bomb = "\n".join(["openapi: 3.0.0", "a0: &a0 [x]", *lines])
    assert refusal(bomb, "x", {}) == "openapi.bad_document"
    assert refusal("openapi: 3.0.0\nx: " + "y" * 2_100_000, "x", {}) == "openapi.bad_document"


async def test_a_document_is_parsed_once_for_each_content():
    cache = DocumentCache()
    first = await cache.get("a", V3.encode())
    assert await cache.get("another address", V3.encode()) is first
    assert await cache.get("a", json.dumps(V2).encode()) is not first

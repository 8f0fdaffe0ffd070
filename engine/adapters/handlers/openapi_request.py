"""From an OpenAPI operation and arguments to an HTTP request."""

from typing import Any
from urllib.parse import quote, urlencode, urljoin

import msgspec

from engine.adapters.handlers.http_request import (
    HttpRequest,
    Pairs,
    bad_argument,
    built_url,
    encoded_body,
    header_pairs,
    path_text,
    query_pairs,
    text_of,
)
from engine.adapters.handlers.openapi_document import Document, Operation, is_true
from engine.adapters.handlers.refusal import CallRefused, refused
from engine.model.cloudevents.media_type import parse_media_type

FORM = "application/x-www-form-urlencoded"
_DELIMITERS = {"csv": ",", "ssv": " ", "tsv": "\t", "pipes": "|"}
_STYLES = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|", "simple": ","}


class _Filling(msgspec.Struct):
    """Where the arguments went."""

    path: str
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    cookies: list[tuple[str, str]]
    form: dict[str, Any]
    body: Any = msgspec.UNSET


def openapi_request(
    document: Document, uri: str, operation: Operation, arguments: Any, shown: str
) -> HttpRequest:
    """The request of the operation with these arguments. Raises CallRefused: a required argument is
    missing, one is unknown or does not fit its place, or no server is named."""
    rest = _as_object(arguments)
    filling = _Filling(operation.path, [], [], [], {})
    for parameter in operation.parameters:
        _place(filling, parameter, rest)
    content_type, body = _body(operation, filling, rest)
    headers: Pairs = tuple(filling.headers)
    if filling.cookies:
        cookie = "; ".join(f"{quote(name)}={quote(value)}" for name, value in filling.cookies)
        headers += (("Cookie", cookie),)
    if body is not None:
        headers += (("Content-Type", content_type),)
    text = server_url(document, uri, operation).rstrip("/") + filling.path
    url = built_url(text, tuple(filling.query))
    return HttpRequest(operation.method, url, headers, body, shown)


def server_url(document: Document, uri: str, operation: Operation) -> str:
    """Where the service is: `servers` (3.x) or `schemes`, `host`, `basePath` (2.0); relative ones
    are taken from the document's own address. Raises CallRefused."""
    root = document.root
    if document.is_version_2:
        schemes = [str(one) for one in root.get("schemes") or ["https"]]
        scheme = "https" if "https" in schemes else schemes[0]
        base = str(root.get("basePath", ""))
        text = f"{scheme}://{root['host']}{base}" if "host" in root else base or "/"
    else:
        text = _server_text(operation.servers[0]) if operation.servers else "/"
    url = urljoin(uri, text) if uri.startswith(("http://", "https://")) else text
    if not url.startswith(("http://", "https://")):
        raise refused(
            "openapi.no_server", f"The document {uri[:200]} names no server with an absolute URL."
        )
    return url


def _server_text(server: dict[str, Any]) -> str:
    text = str(server.get("url", "/"))
    variables = server.get("variables")
    for name, variable in (variables if isinstance(variables, dict) else {}).items():
        if isinstance(variable, dict):
            text = text.replace(f"{{{name}}}", str(variable.get("default", "")))
    return text


def _as_object(arguments: Any) -> dict[str, Any]:
    if arguments is None:
        return {}
    return dict(arguments) if isinstance(arguments, dict) else {"body": arguments}


def _place(filling: _Filling, parameter: dict[str, Any], rest: dict[str, Any]) -> None:
    """Move the argument of this parameter from `rest` to where it belongs."""
    name, place = str(parameter.get("name")), str(parameter.get("in"))
    if place == "body":
        filling.body = rest.pop(name, msgspec.UNSET)
        return
    value = rest.pop(name, None)
    if value is None:
        if is_true(parameter.get("required")) or place == "path":
            raise _missing(name)
        return
    if place == "path":
        joined = _joined(parameter, name, value, encode=True)
        filling.path = filling.path.replace(f"{{{name}}}", joined)
    elif place == "query":
        filling.query.extend(_query(parameter, name, value))
    elif place == "header":
        filling.headers.extend(header_pairs({name: _joined(parameter, name, value)}))
    elif place == "cookie":
        filling.cookies.append((name, _joined(parameter, name, value)))
    elif place == "formData":
        filling.form[name] = value
    else:
        raise refused("openapi.bad_document", f"Parameter {name[:100]} has no known place.")


def _joined(parameter: dict[str, Any], name: str, value: Any, *, encode: bool = False) -> str:
    """A value in one string: arrays joined, objects as name,value pairs (style `simple`)."""
    one_text = path_text if encode else text_of
    if isinstance(value, dict):
        items = [text for pair in value.items() for text in pair]
    else:
        items = value if isinstance(value, list) else [value]
    if not items:
        raise bad_argument(name, "cannot be empty here")
    if len(items) == 1:
        return one_text(name, items[0])
    delimiter = _DELIMITERS.get(str(parameter.get("collectionFormat")), ",")
    return delimiter.join(one_text(name, item) for item in items)


def _query(parameter: dict[str, Any], name: str, value: Any) -> Pairs:
    style = str(parameter.get("style", "form"))
    explode = is_true(parameter.get("explode", style in ("form", "deepObject")))
    if "content" in parameter:
        return ((name, encoded_body(value).decode()),)
    if isinstance(value, dict):
        if style == "deepObject":
            return query_pairs({f"{name}[{key}]": one for key, one in value.items()})
        return query_pairs(value) if explode else ((name, _joined(parameter, name, value)),)
    if not isinstance(value, list):
        return ((name, text_of(name, value)),)
    collection = parameter.get("collectionFormat", "csv" if "schema" not in parameter else None)
    if collection == "multi" or (explode and "schema" in parameter):
        return query_pairs({name: value})
    delimiter = _DELIMITERS[collection] if collection in _DELIMITERS else _STYLES.get(style, ",")
    return ((name, delimiter.join(text_of(name, item) for item in value)),)


def _body(
    operation: Operation, filling: _Filling, rest: dict[str, Any]
) -> tuple[str, bytes | None]:
    """The body and its type: the argument named as the document or `body` says, or what is left."""
    if filling.form:
        _refuse_unknown(rest)
        return FORM, urlencode(query_pairs(filling.form)).encode()
    declared = next((one for one in operation.parameters if one.get("in") == "body"), None)
    if operation.body is None and declared is None:
        _refuse_unknown(rest)
        return "", None
    value = _body_value(filling, rest)
    _refuse_unknown(rest)
    if value is msgspec.UNSET:
        if is_true((operation.body or declared or {}).get("required")):
            raise _missing("body")
        return "", None
    content_type = _content_type(operation)
    if content_type == FORM:
        return FORM, urlencode(query_pairs(_as_object(value))).encode()
    return content_type, encoded_body(value)


def _body_value(filling: _Filling, rest: dict[str, Any]) -> Any:
    """The body, taken out of `rest`; UNSET if there is none."""
    if filling.body is not msgspec.UNSET or not rest:
        return filling.body
    if rest.keys() == {"body"}:
        return rest.pop("body")
    value = dict(rest)
    rest.clear()
    return value


def _content_type(operation: Operation) -> str:
    """The JSON type that the operation takes, else the form, else an error."""
    content = (operation.body or {}).get("content")
    offered = [str(one) for one in content] if isinstance(content, dict) else operation.consumes
    if not offered:
        return "application/json"
    for text in offered:
        media = parse_media_type(text)
        if text in ("*/*", "application/*"):
            return "application/json"
        if media is not None and media.is_json:
            return text
    if FORM in offered:
        return FORM
    raise refused(
        "openapi.unsupported_body",
        f"The operation takes {', '.join(offered)[:200]}; JSON and forms can be sent.",
    )


def _missing(name: str) -> CallRefused:
    return refused(
        "openapi.missing_argument",
        f"The operation requires {name[:100]!r}, which is not among the arguments; add it.",
    )


def _refuse_unknown(rest: dict[str, Any]) -> None:
    if rest:
        raise refused(
            "openapi.unknown_argument",
            f"The operation takes no argument {', '.join(sorted(rest))[:200]!r}; leave it out or "
            f"correct its name.",
        )

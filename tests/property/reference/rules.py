"""Rules of their own: retry delays, durations, which CloudEvent an event definition takes."""

import re

from tests.property.reference.values import filled, is_wrapped, text_of

_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,3}))?S)?")


def milliseconds(text):
    """`PT1H2M3.5S`."""
    hours, minutes, seconds, fraction = _DURATION.fullmatch(text).groups()
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole * 1000 + int((fraction or "0").ljust(3, "0"))


def retry_delay(document, action, error, retries_done, chance):
    """The delay in ms before the next try, None if there is none."""
    if "retryRef" not in action:
        return None
    (policy,) = [one for one in document["retries"] if one["name"] == action["retryRef"]]
    if any(error.named(code_of(document, name)) for name in action.get("nonRetryableErrors", [])):
        return None
    if "retryableErrors" in action:
        names = action["retryableErrors"]
        if not any(name == "*" or error.named(code_of(document, name)) for name in names):
            return None
    if retries_done >= policy["maxAttempts"]:
        return None
    delay = milliseconds(policy.get("delay", "PT0S"))
    delay += retries_done * milliseconds(policy.get("increment", "PT0S"))
    for _ in range(retries_done):
        delay *= float(policy.get("multiplier", 1))
    if "maxDelay" in policy:
        delay = min(delay, milliseconds(policy["maxDelay"]))
    jitter = policy.get("jitter", 0)
    most = milliseconds(jitter) if isinstance(jitter, str) else jitter * delay
    return int(delay + chance * most)


def code_of(document, name):
    """What the error of this name is recognized by."""
    for error in document.get("errors", []):
        if error["name"] == name:
            return error.get("code", name)
    return name


def handler_for(document, state, error):
    """The first handler of the state that takes the error."""
    for handler in state.get("onErrors", []):
        names = handler.get("errorRefs") or [handler["errorRef"]]
        if any(name == "*" or error.named(code_of(document, name)) for name in names):
            return handler
    return None


def wanted_by(definition, data, variables):
    """What the definition wants of a CloudEvent, correlation values evaluated on `data`."""
    wanted = {}
    for rule in definition.get("correlation", []):
        value = rule.get("contextAttributeValue")
        if is_wrapped(value):
            value = text_of(filled(value, data, variables))
        wanted[rule["contextAttributeName"].lower()] = value
    return {
        "ref": definition["name"], "type": definition["type"],
        "source": definition.get("source") or None, "correlation": wanted,
        "data_only": definition.get("dataOnly", True),
    }  # fmt: skip


def takes(wanted, event, known):
    """Whether a CloudEvent is wanted. `known`: correlation values that the execution has."""
    if event["type"] != wanted["type"] or not fits(wanted["source"], event["source"]):
        return False
    for name, value in wanted["correlation"].items():
        if name not in event["attributes"]:
            return False
        must_be = known.get(name) if value is None else value
        if must_be is not None and event["attributes"][name] != must_be:
            return False
    return True


def fits(pattern, source):
    """`+` is any one segment, `#` at the end the rest."""
    if pattern in (None, "#"):
        return True
    escaped = [re.escape(part) if part != "+" else "[^/]*" for part in pattern.split("/")]
    if pattern.split("/")[-1] == "#":
        return re.fullmatch("/".join(escaped[:-1]) + "(/.*)?", source, re.DOTALL) is not None
    return re.fullmatch("/".join(escaped), source) is not None


def learned(wanted, event, known):
    """Correlation values that taking the CloudEvent fixes."""
    return {
        name: event["attributes"][name]
        for name, value in wanted["correlation"].items()
        if value is None and name not in known
    }


def payload_of(wanted, event):
    return event["data"] if wanted["data_only"] else event["whole"]

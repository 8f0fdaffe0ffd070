"""Data of the reference interpreter: merging, places, comparison, expressions."""

import json
from decimal import Decimal
from functools import lru_cache

import jq

MAX_TEXT = 20_000


class WorkflowError(Exception):
    """An error that a definition can catch: its code, and the other codes that mean it."""

    def __init__(self, code, aliases=()):
        super().__init__(code)
        self.code = code
        self.aliases = tuple(aliases)

    def named(self, code):
        return code in (self.code, *self.aliases)


class Endless(Exception):
    """The definition goes in circles, or its data grows without end; the case is given up."""


def data_error():
    return WorkflowError("data.type", ["data"])


# ------------------------------------------------------------------ comparison


def canonical(value):
    """One text for each JSON value: members sorted, numbers by value."""
    if isinstance(value, dict):
        inner = ",".join(f"{json.dumps(key)}:{canonical(value[key])}" for key in sorted(value))
        return "{" + inner + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(canonical, value)) + "]"
    if value is None or isinstance(value, (bool, str)):
        return json.dumps(value)
    return str(Decimal(repr(float(value)) if isinstance(value, float) else value).normalize())


# ------------------------------------------------------------------ merging as 0.8 has it


def merged(old, new):
    """`new` merged into `old` at one place."""
    if old is None or new is None:
        return new
    if isinstance(old, dict) and isinstance(new, dict):
        return merged_members(old, new)
    if isinstance(old, list) and isinstance(new, list):
        return concatenated(old, new)
    if isinstance(old, (dict, list)) or isinstance(new, (dict, list)):
        raise data_error()
    return new


def merged_members(old, new):
    """Objects deep; whatever else meets in a member, the new one wins."""
    result = {}
    for key in [*old, *(key for key in new if key not in old)]:
        if key not in new:
            result[key] = old[key]
        elif key not in old:
            result[key] = new[key]
        elif isinstance(old[key], dict) and isinstance(new[key], dict):
            result[key] = merged_members(old[key], new[key])
        elif isinstance(old[key], list) and isinstance(new[key], list):
            result[key] = concatenated(old[key], new[key])
        else:
            result[key] = new[key]
    return result


def concatenated(old, new):
    """All elements that are not there yet, the old ones first."""
    result = []
    for element in old + new:
        if not any(canonical(element) == canonical(other) for other in result):
            result.append(element)
    return result


def places(path):
    """The names of a plain path: `.a.b` is ['a', 'b'], `.` is []."""
    return [part for part in bare(path).split(".") if part]


def read(data, names):
    """(whether there is something, what) at the place."""
    for name in names:
        if not isinstance(data, dict) or name not in data:
            return False, None
        data = data[name]
    return True, data


def put(data, names, value):
    """A copy of the data with the value at the place; missing objects on the way are made."""
    if not names:
        return value
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise data_error()
    changed = dict(data)
    changed[names[0]] = put(data.get(names[0]), names[1:], value)
    return changed


def merged_at(data, names, value):
    there, old = read(data, names)
    return put(data, names, merged(old, value) if there else value)


def appended_at(data, names, elements):
    there, old = read(data, names)
    old = old if there and old is not None else []
    if not isinstance(old, list):
        raise data_error()
    return put(data, names, old + elements)


# ------------------------------------------------------------------ expressions


def bare(text):
    """The program inside `${ }`, or the text itself."""
    text = text.strip()
    if text.startswith("${") and text.endswith("}"):
        return text[2:-1].strip()
    return text


def is_wrapped(value):
    return isinstance(value, str) and value.strip().startswith("${") and value.strip()[-1] == "}"


@lru_cache(maxsize=1_000)
def _program(source, variables):
    return jq.compile(source, args=json.loads(variables))


@lru_cache(maxsize=10_000)
def _outputs(source, data, variables):
    try:
        return tuple(json.dumps(one) for one in _program(source, variables).input_text(data).all())
    except ValueError:
        return None


def evaluated(text, data, variables):
    """No output is null, one is itself, several are an array. Raises WorkflowError."""
    source = bare(text)
    used = {name: value for name, value in variables.items() if f"${name}" in source}
    text_of_data = json.dumps(data)
    if len(text_of_data) > MAX_TEXT:
        raise Endless
    outputs = _outputs(source, text_of_data, json.dumps(used))
    if outputs is None:
        raise WorkflowError("expression.failed", ["expression"])
    values = [json.loads(one) for one in outputs]
    if not values:
        return None
    return values[0] if len(values) == 1 else values


def condition(text, data, variables):
    """A condition must give true or false."""
    value = text if isinstance(text, bool) else evaluated(text, data, variables)
    if value is True or value is False:
        return value
    raise WorkflowError("condition.not_boolean", ["expression"])


def filled(template, data, variables):
    """Data in which every text that is one `${ }` is evaluated."""
    if isinstance(template, dict):
        return {key: filled(value, data, variables) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, data, variables) for value in template]
    return evaluated(template, data, variables) if is_wrapped(template) else template


def text_of(value):
    """A value as a CloudEvent attribute."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))

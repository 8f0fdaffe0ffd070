"""Places in JSON data: as JSON pointers (RFC 6901), and as people write them (`.a.b[2]`)."""

import re
from collections.abc import Sequence

from engine.model.errors import RefoldError

Path = tuple[str | int, ...]

_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
_PART = re.compile(
    r"""\.(?P<name>[^\W\d][\w-]*)                   # .name
      | \.?\[(?P<index>-?[0-9]{1,9})\]              # [3]
      | \.?\["(?P<quoted>(?:[^"\\]|\\.)*)"\]        # ["any name"]
      | \.?\['(?P<single>(?:[^'\\]|\\.)*)'\]        # ['any name']
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")
MAX_PATH_CHARACTERS = 4_096


class PathFault(RefoldError):
    """A text that is no path."""

    code = "path.malformed"


def pointer_of(path: Sequence[str | int]) -> str:
    """The JSON pointer of a path: () is the whole document, the empty text."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def tokens_of(pointer: str) -> tuple[str, ...]:
    """The reference tokens of a JSON pointer (RFC 6901). Raises PathFault."""
    if pointer and not pointer.startswith("/"):
        raise PathFault(f"{pointer[:80]!r} is no JSON pointer: it begins with / or is empty")
    if re.search(r"~(?![01])", pointer):
        raise PathFault(f"{pointer[:80]!r} is no JSON pointer: ~ stands before 0 or 1 only")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def parse_path(text: str) -> Path:
    """A path as people write it: `.a.b[2]`, `$.a["b c"]`, `.` (all), or a JSON pointer, whose
    numbers are texts here (the data decides). Raises PathFault."""
    if len(text) > MAX_PATH_CHARACTERS:
        raise PathFault(f"a path has at most {MAX_PATH_CHARACTERS} characters")
    if not text or text.startswith("/"):
        return tokens_of(text)
    rest = text.removeprefix("$")
    if rest in ("", "."):
        return ()
    rest = rest if rest[0] in ".[" else f".{rest}"
    parts: list[str | int] = []
    place = 0
    while place < len(rest):
        found = _PART.match(rest, place)
        if found is None:
            raise PathFault(
                f'{text[:80]!r} is no path: write .name, [0] or ["any name"] one after the other,'
                " or a JSON pointer such as /order/items/0"
            )
        parts.append(_part_of(found))
        place = found.end()
    return tuple(parts)


def _part_of(found: re.Match[str]) -> str | int:
    if found["name"] is not None:
        return found["name"]
    if found["index"] is not None:
        return int(found["index"])
    quoted = found["quoted"] if found["quoted"] is not None else found["single"]
    return _ESCAPE.sub(r"\1", quoted)


def shown_path(path: Sequence[str | int]) -> str:
    """The path as people read it: `.order.items[2]`; `.` is the whole document."""
    if not path:
        return "."
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]" if shown else f".[{part}]"
        elif _PLAIN_NAME.fullmatch(part):
            shown += f".{part}"
        else:
            escaped = part.replace("\\", "\\\\").replace('"', '\\"')
            shown += f'["{escaped}"]' if shown else f'.["{escaped}"]'
    return shown

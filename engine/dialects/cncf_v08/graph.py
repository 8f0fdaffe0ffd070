"""A program as a picture: a Mermaid flowchart, one box for each state, one arrow for each way."""

from collections.abc import Iterator
from typing import Final

from engine.model.program import Act, Choose, Exit, Listen, Program, Scope

_SHAPES: Final = {
    "event": ("{{", "}}"), "operation": ("[", "]"), "switch": ("{", "}"), "sleep": ("([", "])"),
    "inject": ("[/", "/]"), "parallel": ("[[", "]]"), "foreach": ("[[", "]]"),
    "callback": ("[\\", "\\]"),
}  # fmt: skip
_MAX_LABEL: Final = 60
_SHOWN_ACTIONS: Final = 4
_ESCAPES: Final = str.maketrans({
    "#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\\": "#92;",
})  # fmt: skip


def mermaid(program: Program) -> str:
    """The drawing: boxes named by state and type, arrows labelled with conditions and produced
    events, dotted arrows for errors. Labels are escaped, so that no text can become Mermaid."""
    scopes = [node for node in program.nodes.values() if isinstance(node, Scope)]
    scopes.sort(key=lambda scope: int(scope.id.rpartition("/")[2]))
    names = {scope.id: f"s{number}" for number, scope in enumerate(scopes)}
    lines = ["flowchart TD", f"  begin(({_label(_beginning(program))})) --> {names[program.start]}"]
    lines += [f"  {names[scope.id]}{_box(program, scope)}" for scope in scopes]
    ends = False
    for scope in scopes:
        for arrow, label, way in _ways(program, scope):
            target = "done" if way.target is None else names[way.target]
            ends = ends or way.target is None
            words = [label, *(f"emits {emission.ref}" for emission in way.emissions)]
            text = ", ".join(word for word in words if word)
            edge = f"|{_label(text)}| " if text else ""
            lines.append(f"  {names[scope.id]} {arrow} {edge}{target}")
    if ends:
        lines.append('  done((("end")))')
    return "\n".join(lines) + "\n"


def _beginning(program: Program) -> str:
    if program.trigger is None:
        return "start"
    joint = " or " if program.trigger.mode == "any" else " and "
    return joint.join(event.ref for event in program.trigger.events)


def _box(program: Program, scope: Scope) -> str:
    opening, closing = _SHAPES[scope.type]
    actions = [
        node.name
        for node in program.nodes.values()
        if isinstance(node, Act) and node.id.startswith(f"{scope.id}/")
    ]
    shown = ", ".join(actions[:_SHOWN_ACTIONS]) + (", ..." if len(actions) > _SHOWN_ACTIONS else "")
    second = f"{scope.type}: {shown}" if shown else scope.type
    return f'{opening}"{_escaped(scope.name)}<br/>{_escaped(second)}"{closing}'


def _ways(program: Program, scope: Scope) -> Iterator[tuple[str, str, Exit]]:
    """Arrow, label and exit of every way out of a state."""
    body = program.nodes[scope.body] if scope.body is not None else None
    if isinstance(body, Choose):
        for case in body.cases:
            yield "-->", f"{case.name}: {case.when.source}", case.exit
        if body.default is not None:
            yield "-->", "default", body.default
    elif isinstance(body, Listen) and any(entry.exit is not None for entry in body.entries):
        for entry in body.entries:
            if entry.exit is not None:
                yield "-->", entry.name, entry.exit
        if body.on_timeout is not None:
            yield "-->", "default", body.on_timeout
    else:
        yield "-->", "terminates" if scope.exit.terminate else "", scope.exit
    for catch in scope.catches:
        yield "-.->", f"error {catch.name}", catch.exit


def _label(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    plain = "".join(char if char.isprintable() else " " for char in text)
    if len(plain) > _MAX_LABEL:
        plain = plain[: _MAX_LABEL - 3] + "..."
    return plain.translate(_ESCAPES)

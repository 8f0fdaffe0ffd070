"""Renders tables of docs/: cli.md, http-api.md, configuration.md and errors.md, from the program.

`python -m tests.docs.reference` writes them anew; a test compares. Text outside the marked part of
a page is written by hand and stays.
"""

import re
from dataclasses import fields
from pathlib import Path

import typer

from engine.dialects.cncf_v08.codes import MEANING_CODES, SHAPE_CODES, SOURCE_CODES, WARNING_CODES
from server.api.door.catalogue import PROBLEMS
from server.api.routes import ROUTES
from server.cli.faults import MEANINGS
from server.cli.main import app
from server.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
BEGIN, END = "<!-- begin: made from the program -->", "<!-- end: made from the program -->"
_EVERYWHERE = {"--help", "--server", "--namespace", "--api-key", "--output"}


def commands() -> str:
    """Every command with its arguments and options."""
    parts: list[str] = []
    _describe(typer.main.get_command(app), "refold", parts)
    codes = "\n".join(f"| {code} | {words} |" for code, words in MEANINGS.items())
    return "\n".join(parts) + f"\n## Exit codes\n\n| Code | Meaning |\n| --- | --- |\n{codes}\n"


def _describe(command, name: str, parts: list[str]) -> None:
    children = getattr(command, "commands", None)
    if children:
        for child in children.values():
            _describe(child, f"{name} {child.name}", parts)
        return
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    shown = " ".join(_argument(one) for one in arguments)
    parts.append(f"## `{name}{' ' + shown if shown else ''}`\n\n{_flat(command.help)}\n")
    lines = [f"* `{_argument(one)}`: {_flat(one.help)}" for one in arguments if one.help]
    lines += [
        f"* `{', '.join(one.opts)}`: {_flat(one.help)}"
        for one in options
        if one.opts[0] not in _EVERYWHERE
    ]
    lines += [f"* `{', '.join(one.opts)}`: {_flat(one.help)}" for one in options
              if one.opts[0] == "--output"]  # fmt: skip
    if any(one.opts[0] == "--server" for one in options):
        lines.append("* `--server`, `--namespace`, `--api-key`: see above.")
    parts.append("\n".join(lines) + "\n")


def _argument(parameter) -> str:
    name = (parameter.metavar or parameter.name or "").upper()
    name += "..." if parameter.nargs == -1 else ""
    return name if parameter.required else f"[{name}]"


def _flat(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").strip()


def routes() -> str:
    """Every route with its parameters, bodies and answers, and every problem."""
    parts: list[str] = []
    for route in ROUTES:
        parts.append(f"### `{route.method} {route.path}`\n\n{route.summary}")
        lines = [] if route.key else ["* No key is needed."]
        lines += [f"* Query `{one.name}`: {one.description}" for one in route.query]
        lines += [f"* Header `{one.name}`: {one.description}" for one in route.headers]
        if route.body:
            lines.append(f"* Body: {', '.join(f'`{media}`' for media in route.body)}")
        for status, answer in route.answers.items():
            media = ", ".join(f"`{one}`" for one in answer.media)
            lines.append(f"* {status}: {answer.description} ({media})")
        if route.problems:
            lines.append(f"* Problems: {', '.join(f'`{code}`' for code in route.problems)}")
        parts.append("\n".join(lines))
    rows = "\n".join(
        f"| `{code}` | {kind.status} | {kind.title}. {kind.advice} | "
        f"{'yes' if kind.retryable else ''} |"
        for code, kind in PROBLEMS.items()
    )
    table = "| Code | Status | What it means, what to do | Retry |\n| --- | --- | --- | --- |\n"
    return "## Routes\n\n" + "\n\n".join(parts) + f"\n\n## Problems\n\n{table}{rows}\n"


def settings() -> str:
    """Every setting."""
    rows = "\n".join(
        f"| `{one.metadata['variable']}` | {_default(one.default)} | {one.metadata['doc']} |"
        for one in fields(Settings)
    )
    return f"| Variable | Default | Meaning |\n| --- | --- | --- |\n{rows}\n"


def _default(value: object) -> str:
    return f"`{value}`" if value != "" else ""


def codes() -> str:
    """Every code of a definition's faults, and of the API's problems."""
    groups = {
        "The text cannot be read": SOURCE_CODES,
        "The document has not the shape of a definition": SHAPE_CODES,
        "The definition cannot be run": MEANING_CODES,
        "Warnings: accepted, but look": WARNING_CODES,
    }
    parts = ["## Faults of definitions\n"]
    for title, group in groups.items():
        rows = "\n".join(f"| `{code}` | {advice} |" for code, advice in group.items())
        parts.append(f"### {title}\n\n| Code | What to do |\n| --- | --- |\n{rows}\n")
    problems = ", ".join(f"`{code}`" for code in PROBLEMS)
    parts.append(
        "## Problems of the HTTP API\n\nWhat each means stands in"
        f" [http-api.md](http-api.md#problems): {problems}.\n"
    )
    return "\n".join(parts)


PAGES = {
    "cli.md": commands,
    "http-api.md": routes,
    "configuration.md": settings,
    "errors.md": codes,
}


def rendered(page: str) -> str:
    """The page as it should be: its made part anew, the rest as it is."""
    text = (DOCS / page).read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{PAGES[page]()}\n{END}{after}"


if __name__ == "__main__":
    for name in PAGES:
        (DOCS / name).write_text(rendered(name))

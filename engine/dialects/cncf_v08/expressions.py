"""Expressions of a definition: where they may be bare, what they may name, what they compile to.

A filter, a condition or a collection is an expression with or without `${ }` around it. In
arguments and produced data a text is an expression only if the whole text is `${ ... }`; anything
else is text. `${ fn:NAME }` stands for the expression of the function of that name.
"""

import re
from typing import Any, Final

from engine.dialects.cncf_v08.findings import Findings
from engine.dialects.cncf_v08.names import Table
from engine.dialects.source import escape
from engine.expr import Expression, ExpressionFault, compile_expression, unwrap
from engine.model.limits import MAX_EXPRESSION_CHARACTERS
from engine.model.program import Template, Text
from schemas.dsl.cncf_v08 import Function

Path = tuple[str | int, ...]
_FUNCTION: Final = re.compile(r"fn:\s*(.+)", re.DOTALL)
_SECRET_NAME: Final = re.compile(
    r"\$SECRETS\s*(?:\.\s*([A-Za-z_]\w*)"
    r'|\.\s*"([^"\\]+)"'
    r'|\.?\s*\[\s*"([^"\\]+)"\s*\])'
)


class Expressions:
    """Compiles the expressions of one definition; every fault is reported at its place.

    `secrets`: the declared names, None where they are not known.
    """

    def __init__(
        self, functions: Table[Function], secrets: frozenset[str] | None, findings: Findings
    ) -> None:
        self._functions = functions
        self._secrets = secrets
        self._findings = findings
        self._parameter: str | None = None

    def inside_iteration(self, parameter: str | None) -> None:
        """From here on (None: no longer) `$parameter` is a variable."""
        self._parameter = parameter

    def text(self, source: str, pointer: str) -> Text | None:
        """An expression, bare or wrapped. None: a fault was reported."""
        program = unwrap(source)
        if program is None:
            program = source.strip()
            if program.startswith("${"):
                message = "`${` begins here, but the text does not end with its `}`; close it"
                self._findings.error("definition.expression.brackets", pointer, message)
                return None
        return self._compiled(program, pointer, secrets=False)

    def optional(self, source: str | None, pointer: str) -> Text | None:
        return None if source is None else self.text(source, pointer)

    def path(self, source: str, pointer: str) -> Path | None:
        """An expression that must be a plain path such as `.a.b`."""
        text = self.text(source, pointer)
        if text is None:
            return None
        path = compile_expression(text.source).path
        if path is None or any(isinstance(part, int) and part < 0 for part in path):
            self._findings.error(
                "definition.expression.path",
                pointer,
                f"{source!r:.80} does not name a place; write a plain path such as `.orders.first`",
            )
            return None
        return path

    def whole(self, source: str, pointer: str) -> Template:
        """A text that is one expression, bare or wrapped, as a template."""
        text = self.text(source, pointer)
        return Template(None, () if text is None else (((), text.source),))

    def template(self, value: Any, pointer: str, *, secrets: bool = False) -> Template:
        """Data with `${ }` texts inside. `secrets`: `$SECRETS` may be named."""
        found: list[tuple[Path, str]] = []
        self._collect(value, pointer, (), found, secrets)
        return Template(value, tuple(found))

    def judge(self, source: str, pointer: str) -> None:
        """Check an expression that is not used yet."""
        self.text(source, pointer)

    def _collect(
        self, value: Any, pointer: str, path: Path, found: list[tuple[Path, str]], secrets: bool
    ) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                self._collect(item, f"{pointer}/{escape(key)}", (*path, key), found, secrets)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                self._collect(item, f"{pointer}/{number}", (*path, number), found, secrets)
        elif isinstance(value, str) and "${" in value:
            program = unwrap(value)
            if program is None:
                self._findings.warn(
                    "definition.expression.embedded",
                    pointer,
                    "`${ }` inside a longer text is not evaluated; make the whole text one"
                    ' expression, as in "${ \\"Dear \\" + .name }"',
                )
            elif text := self._compiled(program, pointer, secrets=secrets):
                found.append((path, text.source))

    def _compiled(self, program: str, pointer: str, *, secrets: bool) -> Text | None:
        if match := _FUNCTION.fullmatch(program):
            return self._function(match[1].strip(), pointer)
        if len(program) > MAX_EXPRESSION_CHARACTERS:
            message = f"the expression is longer than {MAX_EXPRESSION_CHARACTERS} characters"
            self._findings.error("definition.expression.limit", pointer, message)
            return None
        try:
            expression = compile_expression(program)
        except ExpressionFault as fault:
            code = f"definition.{fault.code}"
            self._findings.error(code, pointer, f"{program!r:.80}: {fault.message}")
            return None
        if not self._check_variables(expression, pointer, secrets):
            return None
        if expression.closure is None:
            self._findings.leave_to_libjq(pointer, program)
        return Text(program)

    def _function(self, name: str, pointer: str) -> Text | None:
        function = self._functions.find(name, pointer)
        if function is None:
            return None
        if function.type != "expression" or function.operation is None:
            message = f"the function {name!r} is no expression; only those can stand behind fn:"
            self._findings.error("definition.expression.function", pointer, message)
            return None
        program = unwrap(function.operation) or function.operation.strip()
        if program.startswith("fn:"):
            message = f"the function {name!r} stands for another one; name that one"
            self._findings.error("definition.expression.function", pointer, message)
            return None
        return self._compiled(program, pointer, secrets=False)

    def _check_variables(self, expression: Expression, pointer: str, secrets: bool) -> bool:
        known = {"CONST", "WORKFLOW", *([self._parameter] if self._parameter else [])}
        for name in sorted(expression.variables - known):
            if name != "SECRETS":
                hint = self._findings.suggestion(name, {*known, "SECRETS"})
                message = f"the variable ${name} is not known here; {hint}"
                self._findings.error("definition.expression.variable", pointer, message)
                return False
            if not secrets:
                message = "$SECRETS may be named in the arguments of a function alone"
                self._findings.error("definition.expression.secrets", pointer, message)
                return False
            return self._check_secrets(expression.source, pointer)
        return True

    def _check_secrets(self, source: str, pointer: str) -> bool:
        if self._secrets is None:
            return True
        named = {"".join(forms) for forms in _SECRET_NAME.findall(source)}
        for name in sorted(named - self._secrets):
            hint = self._findings.suggestion(name, self._secrets)
            message = f"the secret {name!r} is not declared in `secrets`; {hint}"
            self._findings.error("definition.secret.unknown", pointer, message)
        return named <= self._secrets

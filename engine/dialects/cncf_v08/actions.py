"""Actions -> act nodes, in a chain or in the branches of a fork."""

from typing import Any

from engine.dialects.cncf_v08 import selections
from engine.dialects.cncf_v08.compilation import Compilation
from engine.dialects.cncf_v08.functions import address_of
from engine.dialects.cncf_v08.retries import retry_of
from engine.expr import unwrap
from engine.model.limits import DEFAULT_ACTION_TIMEOUT_MS, MAX_FAN_OUT
from engine.model.program import Act, Branch, Fork, Template, Text
from schemas.dsl.cncf_v08 import Action, FunctionCall, Timeouts


class ActionLowering:
    """Makes the acts of one state. `timeouts`: from the most specific part that may name a limit
    outwards, with the pointer of each."""

    def __init__(
        self, compilation: Compilation, timeouts: list[tuple[str, Timeouts | None]],
        *, in_iteration: bool = False,
    ) -> None:  # fmt: skip
        self._compilation = compilation
        self._in_iteration = in_iteration
        self._timeout_ms = self._action_timeout(timeouts)

    def chain(
        self, actions: list[Action] | None, pointer: str, scope: str, last: str | None = None
    ) -> str | None:
        """Acts one after the other; the last leads to `last`. Gives the id of the first node."""
        following = last
        for number in reversed(range(len(actions or ()))):
            assert actions is not None
            following = self.act(actions[number], f"{pointer}/{number}", scope, following)
        return following

    def at_once(
        self, actions: list[Action] | None, pointer: str, scope: str, name: str,
        last: str | None = None,
    ) -> str | None:  # fmt: skip
        """A fork with one branch for each action."""
        if not actions:
            return last
        self._check_fan_out(len(actions), pointer)
        branches = []
        for number, action in enumerate(actions):
            place = f"{pointer}/{number}"
            branch = f"{place}#branch"
            body = self.act(action, place, branch, None)
            branches.append(Branch(branch, _name(action, place), body))
        fork = Fork(id=pointer, name=name, scope=scope, next=last, branches=tuple(branches))
        return self._compilation.add(fork)

    def body(
        self, actions: list[Action] | None, mode: str, pointer: str, scope: str, name: str,
        last: str | None = None,
    ) -> str | None:  # fmt: skip
        """The actions of an `actionMode`. Gives the id of the first node."""
        if mode == "parallel":
            return self.at_once(actions, pointer, scope, name, last)
        return self.chain(actions, pointer, scope, last)

    def act(
        self, action: Action, pointer: str, scope: str, following: str | None,
        *, callback: bool = False,
    ) -> str:  # fmt: skip
        """One action."""
        compilation = self._compilation
        given = action.action_data_filter
        handler, operation = self._address(action, pointer)
        sleep = action.sleep
        before = sleep.before if sleep else None
        after = sleep.after if sleep else None
        filter_pointer = f"{pointer}/actionDataFilter"
        node = Act(
            id=pointer,
            name=_name(action, pointer),
            scope=scope,
            next=following,
            function=_function_name(action) or "",
            handler=handler,
            operation=operation,
            timeout_ms=self._timeout_ms,
            arguments=self._arguments(action, handler, pointer),
            input=compilation.expressions.optional(
                given.from_state_data if given else None, f"{filter_pointer}/fromStateData"
            ),
            when=self._condition(action, pointer),
            selection=selections.of_result(
                compilation, given, pointer, in_iteration=self._in_iteration
            ),
            retry=retry_of(compilation, action, pointer),
            sleep_before_ms=self._sleep_ms(before, f"{pointer}/sleep/before"),
            sleep_after_ms=self._sleep_ms(after, f"{pointer}/sleep/after"),
            callback=callback,
        )
        return compilation.add(node)

    def _check_fan_out(self, count: int, pointer: str) -> None:
        if count > MAX_FAN_OUT:
            message = f"{count} at once are too many, allowed are {MAX_FAN_OUT}; use a foreach"
            self._compilation.findings.error("definition.limit.fan_out", pointer, message)

    def _action_timeout(self, timeouts: list[tuple[str, Timeouts | None]]) -> int:
        for pointer, given in timeouts:
            if given is not None and given.action_exec_timeout is not None:
                place = f"{pointer}/actionExecTimeout"
                length = self._compilation.duration_ms(given.action_exec_timeout, place)
                if length == 0:
                    message = "an action needs a limit above zero; write a longer one"
                    self._compilation.findings.error("definition.timeout.zero", place, message)
                return length or DEFAULT_ACTION_TIMEOUT_MS
        return DEFAULT_ACTION_TIMEOUT_MS

    def _address(self, action: Action, pointer: str) -> tuple[str, str]:
        findings = self._compilation.findings
        kinds = [action.function_ref, action.event_ref, action.sub_flow_ref]
        given = sum(kind is not None for kind in kinds)
        if given != 1:
            code = "definition.action.several" if given else "definition.action.nothing"
            message = "an action names exactly one of functionRef, eventRef and subFlowRef"
            findings.error(code, pointer, message)
        name = _function_name(action)
        if name is None:
            return "", ""
        place = f"{pointer}/functionRef"
        place = place if isinstance(action.function_ref, str) else f"{place}/refName"
        return address_of(self._compilation, name, place) or ("", "")

    def _arguments(self, action: Action, handler: str, pointer: str) -> Template:
        call = action.function_ref
        if not isinstance(call, FunctionCall) or call.arguments is None:
            return Template({})
        findings, expressions = self._compilation.findings, self._compilation.expressions
        place = f"{pointer}/functionRef/arguments"
        if handler == "expression":
            message = (
                "an expression function sees the action's data, not its arguments; remove them"
            )
            findings.warn("definition.function.arguments_unused", place, message)
        template = expressions.template(call.arguments, place, secrets=True)
        if isinstance(call.arguments, str) and unwrap(call.arguments) is None:
            message = "`arguments` must be an object, or one expression ${ ... } that gives one"
            findings.error("definition.shape.type", place, message)
        elif isinstance(call.arguments, str):
            message = "`arguments` is one expression; it must give an object"
            findings.warn("definition.relaxed.arguments_text", place, message)
        return template

    def _condition(self, action: Action, pointer: str) -> Text | None:
        given: Any = action.condition
        if isinstance(given, bool):
            return Text("true" if given else "false")
        return self._compilation.expressions.optional(given, f"{pointer}/condition")

    def _sleep_ms(self, given: str | None, pointer: str) -> int:
        return 0 if given is None else self._compilation.duration_ms(given, pointer) or 0


def _function_name(action: Action) -> str | None:
    call = action.function_ref
    return call.ref_name if isinstance(call, FunctionCall) else call


def _name(action: Action, pointer: str) -> str:
    """What the log calls the action: its name, else its function's, else its number from 1."""
    number = pointer.rpartition("/")[2]
    fallback = f"action {int(number) + 1}" if number.isdigit() else number
    return action.name or _function_name(action) or fallback

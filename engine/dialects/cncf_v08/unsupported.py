"""What of DSL 0.8 is not there yet: refused by name, never ignored."""

from typing import Any, Final

from engine.dialects.cncf_v08.compilation import Compilation
from schemas.dsl.cncf_v08 import (
    Action,
    AnyState,
    CallbackState,
    EndObject,
    EventState,
    FunctionCall,
    ParallelState,
    StartObject,
    SwitchState,
    Timeouts,
    TransitionObject,
)

_FUNCTION_TYPES: Final = frozenset({"rpc", "graphql", "asyncapi", "odata"})


def check(compilation: Compilation) -> None:
    """Report every use of a feature that this release has not."""
    checker = _Checker(compilation)
    checker.workflow()
    for number, state in enumerate(compilation.workflow.states):
        checker.state(state, f"/states/{number}")


class _Checker:
    def __init__(self, compilation: Compilation) -> None:
        self._compilation = compilation

    def _refuse(self, given: Any, pointer: str, feature: str) -> None:
        """Refuse `feature` where it is used: given, and not switched off."""
        if given is None or given is False:
            return
        message = f"{feature} is not supported yet; this release cannot run the definition"
        self._compilation.findings.error("definition.not_supported", pointer, message)

    def workflow(self) -> None:
        workflow, sections = self._compilation.workflow, self._compilation.sections
        if isinstance(workflow.start, StartObject):
            self._refuse(workflow.start.schedule, "/start/schedule", "start.schedule")
        self._refuse(workflow.data_input_schema, "/dataInputSchema", "dataInputSchema")
        self._refuse(workflow.auth, "/auth", "auth")
        self._refuse(workflow.keep_active, "/keepActive", "keepActive")
        self._refuse(workflow.auto_retries, "/autoRetries", "autoRetries")
        if workflow.version is not None and "${" in workflow.version:
            self._refuse(workflow.version, "/version", "a version that is an expression")
        if workflow.expression_lang not in (None, "jq"):
            feature = f"expressionLang {workflow.expression_lang!r} (only jq is)"
            self._refuse(workflow.expression_lang, "/expressionLang", feature)
        self._timeouts(sections.timeouts, sections.pointers["timeouts"])
        for number, function in enumerate(sections.functions):
            pointer = f"{sections.pointers['functions']}/{number}"
            self._refuse(function.auth_ref, f"{pointer}/authRef", "authRef")
            if function.type in _FUNCTION_TYPES:
                self._refuse(
                    function.type, f"{pointer}/type", f"a function of type {function.type}"
                )

    def state(self, state: AnyState, pointer: str) -> None:
        self._timeouts(state.timeouts, f"{pointer}/timeouts")
        self._refuse(state.compensated_by, f"{pointer}/compensatedBy", "compensatedBy")
        self._refuse(
            state.used_for_compensation, f"{pointer}/usedForCompensation", "usedForCompensation"
        )
        for number, handler in enumerate(state.on_errors or ()):
            self._way(handler, f"{pointer}/onErrors/{number}")
        if isinstance(state, SwitchState):
            self._switch(state, pointer)
        else:
            self._way(state, pointer)
            self._actions_of(state, pointer)

    def _switch(self, state: SwitchState, pointer: str) -> None:
        for number, case in enumerate(state.data_conditions or ()):
            self._way(case, f"{pointer}/dataConditions/{number}")
        for number, entry in enumerate(state.event_conditions or ()):
            self._way(entry, f"{pointer}/eventConditions/{number}")
        if state.default_condition is not None:
            self._way(state.default_condition, f"{pointer}/defaultCondition")

    def _actions_of(self, state: AnyState, pointer: str) -> None:
        if isinstance(state, CallbackState):
            self._action(state.action, f"{pointer}/action")
        elif isinstance(state, EventState):
            for number, entry in enumerate(state.on_events):
                self._actions(entry.actions, f"{pointer}/onEvents/{number}/actions")
        elif isinstance(state, ParallelState):
            for number, branch in enumerate(state.branches):
                place = f"{pointer}/branches/{number}"
                self._timeouts(branch.timeouts, f"{place}/timeouts")
                self._actions(branch.actions, f"{place}/actions")
        else:
            self._actions(getattr(state, "actions", None), f"{pointer}/actions")

    def _actions(self, actions: list[Action] | None, pointer: str) -> None:
        for number, action in enumerate(actions or ()):
            self._action(action, f"{pointer}/{number}")

    def _action(self, action: Action, pointer: str) -> None:
        self._refuse(action.event_ref, f"{pointer}/eventRef", "an action with eventRef")
        self._refuse(action.sub_flow_ref, f"{pointer}/subFlowRef", "subFlowRef")
        call = action.function_ref
        if isinstance(call, FunctionCall):
            place = f"{pointer}/functionRef"
            self._refuse(call.selection_set, f"{place}/selectionSet", "selectionSet")
            self._refuse(call.invoke == "async", f"{place}/invoke", "invoke: async")

    def _way(self, part: Any, pointer: str) -> None:
        if isinstance(part.transition, TransitionObject):
            place = f"{pointer}/transition/compensate"
            self._refuse(part.transition.compensate, place, "compensate")
        if isinstance(part.end, EndObject):
            self._refuse(part.end.compensate, f"{pointer}/end/compensate", "compensate")
            self._refuse(part.end.continue_as, f"{pointer}/end/continueAs", "continueAs")

    def _timeouts(self, given: Timeouts | None, pointer: str) -> None:
        if given is None:
            return
        for name, value in (
            ("workflowExecTimeout", given.workflow_exec_timeout),
            ("stateExecTimeout", given.state_exec_timeout),
            ("branchExecTimeout", given.branch_exec_timeout),
        ):
            self._refuse(value, f"{pointer}/{name}", name)
            self._lengths(value, f"{pointer}/{name}")

    def _lengths(self, given: Any, pointer: str) -> None:
        """Durations are judged even where the limit itself is refused."""
        if isinstance(given, str):
            self._compilation.duration_ms(given, pointer)
        elif isinstance(given, dict):
            for name in ("duration", "single", "total"):
                self._lengths(given.get(name), f"{pointer}/{name}")

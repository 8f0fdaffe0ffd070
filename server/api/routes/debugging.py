"""Routes that hold executions and let them go on."""

from schemas.api import answers, debugging
from server.api.debugging import breakpoints, holds
from server.api.door.route import JSON, NAMESPACE_PREFIX, Header, Query, Route, json_answer
from server.api.routes.parameters import CURSOR, LIMIT

_EXECUTION = f"{NAMESPACE_PREFIX}/executions/{{execution}}"
_WAIT = Header("Prefer", "`wait=SECONDS`: answer 200 when it stands there, or 202 after so long.")
_PROBLEMS = ("not_found", "id.malformed", "execution.closed", "execution.imported")
_ANSWERS = {
    200: json_answer("Where it stands.", debugging.Standing),
    202: json_answer("It will be done.", answers.Accepted),
}

DEBUGGING: tuple[Route, ...] = (
    Route(
        "POST",
        f"{_EXECUTION}/pause",
        "pauseExecution",
        "Hold an execution: answers, CloudEvents and timers are taken, nothing is entered.",
        holds.pause,
        _ANSWERS,
        headers=(_WAIT,),
        body={JSON: debugging.HoldExecution},
        problems=(*_PROBLEMS, "execution.suspended", "execution.not_started"),
        time_limit_s=90.0,
    ),
    Route(
        "POST",
        f"{_EXECUTION}/resume",
        "resumeExecution",
        "Let a held execution go on.",
        holds.resume,
        _ANSWERS,
        headers=(_WAIT,),
        body={JSON: debugging.HoldExecution},
        problems=(*_PROBLEMS, "execution.not_suspended"),
        time_limit_s=90.0,
    ),
    Route(
        "POST",
        f"{_EXECUTION}/step",
        "stepExecution",
        "Let a held execution go on to the next state or action that it would enter.",
        holds.step,
        _ANSWERS,
        headers=(_WAIT,),
        body={JSON: debugging.HoldExecution},
        problems=(*_PROBLEMS, "execution.not_suspended"),
        time_limit_s=90.0,
    ),
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/breakpoints",
        "setBreakpoint",
        "Hold executions that are about to enter a state.",
        breakpoints.create,
        {201: json_answer("It is set, durably.", debugging.Breakpoint)},
        body={JSON: debugging.SetBreakpoint},
        problems=(
            "not_found", "id.malformed", "execution.closed", "breakpoint.invalid",
            "breakpoint.too_many",
        ),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/breakpoints",
        "listBreakpoints",
        "Breakpoints, the newest first.",
        breakpoints.index,
        {200: json_answer("A page.", debugging.BreakpointPage)},
        query=(
            LIMIT,
            CURSOR,
            Query("all", "Those too that hold nothing any more.", choices=("true", "false")),
        ),
    ),
    Route(
        "DELETE",
        f"{NAMESPACE_PREFIX}/breakpoints/{{breakpoint}}",
        "removeBreakpoint",
        "Remove a breakpoint. What it holds stays held, unless it is to be released.",
        breakpoints.remove,
        {200: json_answer("It is removed.", debugging.RemovedBreakpoint)},
        query=(Query("release", "Let go what it holds.", choices=("true", "false")),),
        problems=("not_found", "id.malformed", "projection.building"),
        time_limit_s=120.0,
    ),
)  # fmt: skip

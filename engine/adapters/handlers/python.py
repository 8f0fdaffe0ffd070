"""Handler `python` without NATS: functions run in this process, by the same code as in a worker."""

from engine.adapters.handlers.functions import FunctionCaller
from engine.ports.world import Answered, Call, Failed
from schemas import json_text


class LocalPythonHandler:
    """The twin of the worker protocol for benchmarks and tests of definitions."""

    def __init__(self, caller: FunctionCaller) -> None:
        self._caller = caller

    async def run(self, call: Call) -> Answered | Failed:
        """Call the function MODULE:FUNCTION. Its result is what would have come over the wire: a
        tuple is an array, and the function keeps nothing that is ours."""
        arguments = json_text.loads(json_text.dumps(call.arguments))
        answer = await self._caller.call(call.operation, arguments)
        if isinstance(answer, Failed):
            return answer
        return Answered(json_text.loads(json_text.dumps(answer.result)), answer.printed)

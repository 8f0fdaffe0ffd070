"""Handler `python` without NATS: functions run in this process, by the same code as in a worker."""

from engine.adapters.handlers.functions import FunctionCaller
from engine.ports.world import Answered, Call, Failed


class LocalPythonHandler:
    """The twin of the worker protocol for benchmarks and tests of definitions."""

    def __init__(self, caller: FunctionCaller) -> None:
        self._caller = caller

    async def run(self, call: Call) -> Answered | Failed:
        """Call the function MODULE:FUNCTION."""
        return await self._caller.call(call.operation, call.arguments)

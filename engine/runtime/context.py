"""What every part of an engine shares."""

from dataclasses import dataclass

from engine.runtime.armed import Armed
from engine.runtime.backoff import Backoff
from engine.runtime.clock import DatabaseClock
from engine.runtime.engine_ports import EnginePorts
from engine.runtime.programs import ProgramCache
from engine.runtime.settings import EngineSettings
from engine.runtime.tally import Tally


@dataclass(frozen=True)
class EngineContext:
    """`name` is the engine's, unique among all that ever live at once. `armed`: breakpoints."""

    name: str
    ports: EnginePorts
    settings: EngineSettings
    clock: DatabaseClock
    tally: Tally
    programs: ProgramCache
    armed: Armed

    def backoff(self) -> Backoff:
        """A new back-off by the settings."""
        settings = self.settings
        return Backoff(settings.backoff_start_ms, settings.backoff_max_ms, self.ports.chance)

"""decide(turn, command): the future. It may change in any release; one file for each node kind."""

from engine.core.decide.commands import decide

__all__ = ["decide"]

"""evolve(state, event) -> state: the past. It reads the event alone, no definition, no expression,
no clock, so any history folds on any later release. How an old event folds never changes; golden
histories in tests/replay hold it still.
"""

from engine.core.evolve.fold import EVOLVE_VERSION, evolve

__all__ = ["EVOLVE_VERSION", "evolve"]

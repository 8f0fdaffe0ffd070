"""What follows a commit in one lane: calls, timers, looks, hints, leaving memory."""

import logging

from engine.model.ids import format_execution
from engine.runtime.batch import GATHERING, Batch
from engine.runtime.dispatch import Dispatcher
from engine.runtime.hot import HotExecution
from engine.runtime.lookout import Lookout
from engine.runtime.notices import Notices
from engine.runtime.outbox import Outbox
from engine.runtime.residents import Residents
from engine.runtime.timers import Timers
from engine.runtime.turn import Turn

logger = logging.getLogger(__name__)


class Consequences:
    """Effects of one lane's commits, run in the order of the commits."""

    def __init__(
        self,
        residents: Residents,
        *,
        dispatcher: Dispatcher,
        timers: Timers,
        lookout: Lookout,
        notices: Notices,
        outbox: Outbox,
    ) -> None:
        self._residents = residents
        self._dispatcher = dispatcher
        self._timers = timers
        self._lookout = lookout
        self._notices = notices
        self._outbox = outbox

    def committed(self, batch: Batch) -> None:
        """The batch is in the log."""
        for turn in batch.turns:
            try:
                self._follow(turn)
            except Exception:
                logger.exception("effects of %s failed", format_execution(turn.hot.id))
        for part in batch.parts.values():
            if part.rows:
                self._outbox.committed(part.shard.number, part.rows)
                self._notices.tell(f"log.{part.shard.number}")

    def resume(self, hot: HotExecution) -> None:
        """It was loaded: what is pending runs (again, with the same key)."""
        if hot.state.is_imported:
            return
        for action in hot.state.actions.values():
            self._dispatcher.submit(hot, action)
        for wait in hot.state.waits.values():
            self._dispatcher.call_back(hot, wait)

    def _follow(self, turn: Turn) -> None:
        hot, effects = turn.hot, turn.effects
        for action_id in effects.recalls:
            self._dispatcher.recall(hot, action_id)
        if not hot.gone:
            for action in effects.calls:
                self._dispatcher.submit(hot, action)
        if effects.timers_set or effects.timers_cleared:
            self._timers.changed(hot, effects.timers_set, effects.timers_cleared)
        if effects.waits_opened and turn.after.phase != GATHERING:
            self._lookout.look(hot)
            for wait in effects.waits_opened:
                self._dispatcher.call_back(hot, wait)
        for closed in effects.waits_closed:
            hot.looked.pop(closed, None)
        if effects.closed:
            self._notices.tell(f"closed.{format_execution(hot.id)}")
            if not hot.busy:
                self._residents.forget(hot)

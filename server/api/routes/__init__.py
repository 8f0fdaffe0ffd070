"""The table of all routes: the server is made of it, and so is the OpenAPI document."""

from server.api.door.route import Route
from server.api.routes.audit import AUDIT
from server.api.routes.bulk import BULK
from server.api.routes.bundles import BUNDLES
from server.api.routes.comparison import COMPARISON
from server.api.routes.debugging import DEBUGGING
from server.api.routes.definitions import DEFINITIONS
from server.api.routes.erasures import ERASURES
from server.api.routes.events import EVENTS
from server.api.routes.executions import EXECUTIONS
from server.api.routes.forks import FORKS
from server.api.routes.history import HISTORY
from server.api.routes.impact import IMPACT
from server.api.routes.projections import PROJECTIONS
from server.api.routes.system import SYSTEM
from server.api.routes.timetravel import TIMETRAVEL
from server.api.routes.why import WHY

ROUTES: tuple[Route, ...] = (
    *PROJECTIONS,
    *DEFINITIONS,
    *IMPACT,
    *EVENTS,
    *EXECUTIONS,
    *HISTORY,
    *BUNDLES,
    *FORKS,
    *BULK,
    *WHY,
    *AUDIT,
    *SYSTEM,
    *TIMETRAVEL,
    *COMPARISON,
    *DEBUGGING,
    *ERASURES,
)

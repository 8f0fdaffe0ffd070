"""What can go wrong with an embedded service; each error says what to do."""

from engine.model.errors import RefoldError


class ProgramMissing(RefoldError):
    """No usable executable of the service on this machine."""

    code = "embedded.program_missing"


class AlreadyRunning(RefoldError):
    """Another Refold owns the data directory."""

    code = "embedded.already_running"


class PlaceUnusable(RefoldError):
    """The data directory, an address or a port cannot be used for the service."""

    code = "embedded.place_unusable"


class ServiceFailed(RefoldError):
    """The service ended, or did not become ready; the message ends with its last log lines."""

    code = "embedded.service_failed"

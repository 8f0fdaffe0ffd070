"""Functions of the operations example: a service that is well again after some restarts."""

_restarts: dict[str, int] = {}


def restart(arguments: dict) -> dict:
    """Restart the service."""
    service = arguments["service"]
    _restarts[service] = _restarts.get(service, 0) + 1
    print(f"restarting {service}")
    return {"restarts": _restarts[service]}


def probe(arguments: dict) -> dict:
    """Whether the service is well: after `needs` restarts it is."""
    return {"well": _restarts.get(arguments["service"], 0) >= arguments["needs"]}


def page(arguments: dict) -> dict:
    """Wake somebody up."""
    return {"paged": arguments["service"]}

"""The HTTP API: a table of routes, a gate in front of them, handlers over the ports."""

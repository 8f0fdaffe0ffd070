"""Functions of the data pipeline example."""

_calls: dict[str, int] = {}


def extract(arguments: dict) -> list:
    """Rows of one source; the source named `flaky` is away at the first try."""
    source = arguments["source"]
    _calls[source] = _calls.get(source, 0) + 1
    if source == "flaky" and _calls[source] == 1:
        raise ConnectionError("the source is away, try again")
    return [{"source": source, "amount": amount} for amount in arguments["amounts"]]


def load(arguments: dict) -> dict:
    """Store one row."""
    print(f"loading {arguments['row']}")
    return {"loaded": arguments["row"]["amount"]}

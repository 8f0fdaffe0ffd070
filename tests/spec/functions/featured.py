"""Functions that the definitions of features/ call."""

import asyncio
import time


class TooHot(ArithmeticError):
    """Something is too hot."""


def double(arguments: dict) -> dict:
    """Twice the number; says so."""
    print(f"doubling {arguments['number']}")
    return {"doubled": arguments["number"] * 2}


async def later(arguments: dict) -> list:
    """The words, after a moment."""
    await asyncio.sleep(0.01)
    return arguments["words"][::-1]


def heat(arguments: dict) -> dict:
    """Fails by degrees."""
    print("measuring")
    if arguments["degrees"] > 1000:
        raise TooHot(f"{arguments['degrees']} degrees")
    if arguments["degrees"] > 100:
        raise ValueError("it boils")
    return {"warm": True}


def hang(arguments: dict) -> None:
    """Takes longer than anybody waits."""
    time.sleep(5)


def strange(arguments: dict) -> object:
    """Gives what is not JSON."""
    return object()


def measure(arguments: dict) -> dict:
    """How long the text is."""
    return {"n": len(arguments["text"])}


def tell(arguments: dict) -> None:
    """Tells everything it was given."""
    print(arguments)
    raise ValueError(f"what am I to do with {arguments}?")

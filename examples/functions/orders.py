"""Functions of the order example: a warehouse, a bank and a carrier in a few lines each."""

import asyncio


class CardDeclined(Exception):
    """The bank said no."""


def reserve(arguments: dict) -> dict:
    """Put the items aside."""
    print(f"reserving {len(arguments['items'])} items for {arguments['order']}")
    return {"reservation": f"r-{arguments['order']}"}


async def charge(arguments: dict) -> dict:
    """Charge the card; orders above 500 are declined."""
    await asyncio.sleep(arguments.get("takes_s", 0))
    if arguments["total"] > 500:
        raise CardDeclined(f"{arguments['total']} is above the limit of this card")
    return {"payment": f"p-{arguments['order']}"}


def release(arguments: dict) -> dict:
    """Put reserved items back on the shelf."""
    return {"released": arguments["reservation"]}


def ship(arguments: dict) -> dict:
    """Hand the parcel to the carrier."""
    return {"parcel": f"parcel-{arguments['order']}"}

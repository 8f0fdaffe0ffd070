"""Functions of the sale: a price list, a bank, an insurer and a carrier in a few lines each."""

PRICES = {
    "lamp": {"EUR": 79, "JPY": 12800},
    "sofa": {"EUR": 1290, "JPY": 208000},
}


def quote(arguments: dict) -> dict:
    """The price of an article, in the currency as people write it: euros, not cents."""
    currency = arguments["currency"]
    return {"total": PRICES[arguments["sku"]][currency], "currency": currency}


def charge(arguments: dict) -> dict:
    """Charge the card. As card networks have it, in the smallest unit of the currency.

    That is a cent of a euro; the yen has none below itself.
    """
    due = arguments["due"]
    print(f"charging {due['amount']} {due['currency']} for {arguments['order']}")
    return {"charged": due["amount"]}


def insure(arguments: dict) -> dict:
    """Insure a parcel."""
    return {"insured": arguments["due"]["amount"]}


def ship(arguments: dict) -> dict:
    """Hand the parcel to the carrier."""
    return {"tracking": f"t-{arguments['order']}"}

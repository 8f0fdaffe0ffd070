"""Functions of the advertisement example: three reviewers and a person."""

FORBIDDEN = {"free money", "miracle"}


def check_text(arguments: dict) -> dict:
    """Look for forbidden words."""
    text = arguments["text"].lower()
    return {"text": {"score": 0 if any(word in text for word in FORBIDDEN) else 100}}


def check_image(arguments: dict) -> dict:
    """Judge the image by its size."""
    return {"image": {"score": 100 if arguments["width"] >= 300 else 40}}


def check_advertiser(arguments: dict) -> dict:
    """Known advertisers are trusted."""
    return {"advertiser": {"score": 100 if arguments["advertiser"].startswith("known-") else 60}}


def ask_person(arguments: dict) -> dict:
    """Put the advertisement on somebody's desk; they answer with the callback."""
    print(f"please review {arguments['ad']}")
    return {"asked": arguments["ad"]}

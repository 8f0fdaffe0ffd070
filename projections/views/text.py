"""Texts as the read tables can hold them."""

_MAX_MESSAGE = 1_000


def plain(text: str) -> str:
    """The text without what Postgres's text cannot hold and the log's own bytes can: the character
    U+0000 and halves of surrogate pairs."""
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()


def shown(message: str) -> str:
    """An error's message as the read tables hold it: cut."""
    return plain(message[:_MAX_MESSAGE])

"""URI and URI-reference by the grammar of RFC 3986 (appendix A)."""

import ipaddress
import re

_UNRESERVED_AND_SUB = r"A-Za-z0-9\-._~!$&'()*+,;="
_HEX = r"%[0-9A-Fa-f]{2}"
_PCHAR = rf"(?:[{_UNRESERVED_AND_SUB}:@]|{_HEX})"
_NO_COLON = rf"(?:[{_UNRESERVED_AND_SUB}@]|{_HEX})"
_SCHEME = r"[A-Za-z][A-Za-z0-9+.\-]*+:"
_LITERAL = r"\[(?P<ip>[^\]\s]*+)\]"
_AUTHORITY = (
    rf"//(?:(?:[{_UNRESERVED_AND_SUB}:]|{_HEX})*+@)?"
    rf"(?:{_LITERAL}|(?:[{_UNRESERVED_AND_SUB}]|{_HEX})*+)(?::[0-9]*+)?"
)
_SEGMENTS = rf"(?:/{_PCHAR}*+)*+"
_ROOTED = rf"/(?:{_PCHAR}++{_SEGMENTS})?"
_TAIL = rf"(?:\?(?:{_PCHAR}|[/?])*+)?(?:\#(?:{_PCHAR}|[/?])*+)?"

_URI = re.compile(rf"{_SCHEME}(?:{_AUTHORITY}{_SEGMENTS}|{_ROOTED}|{_PCHAR}++{_SEGMENTS}|){_TAIL}")
_RELATIVE = re.compile(rf"(?:{_AUTHORITY}{_SEGMENTS}|{_ROOTED}|{_NO_COLON}++{_SEGMENTS}|){_TAIL}")
_IP_FUTURE = re.compile(rf"[vV][0-9A-Fa-f]++\.[{_UNRESERVED_AND_SUB}:]++")


def is_uri(text: str) -> bool:
    """Whether `text` is a URI with a scheme.

    A fragment is let through: RFC 3986 section 4.3 ("absolute-URI") has none, but schemas are
    named by fragments in practice and JSON Schema's format `uri` takes them.
    """
    return _fits(_URI, text)


def is_uri_reference(text: str) -> bool:
    """Whether `text` is a URI or a relative reference (RFC 3986 section 4.1); "" is one."""
    return _fits(_RELATIVE, text) or _fits(_URI, text)


def _fits(grammar: re.Pattern[str], text: str) -> bool:
    match = grammar.fullmatch(text)
    if match is None:
        return False
    literal = match["ip"]
    return literal is None or _is_ip_literal(literal)


def _is_ip_literal(text: str) -> bool:
    if _IP_FUTURE.fullmatch(text):
        return True
    if "%" in text:  # a zone id means something on one machine only (RFC 3986 knows none)
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True

"""What an endpoint's facts must look like. Pure: nothing is looked up."""

from __future__ import annotations

import base64
import ipaddress
import re
import secrets
import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from common.errors import Invalid
from common.events.types import TYPES
from common.webhooks.addresses import is_public

if TYPE_CHECKING:
    from collections.abc import Iterable
    from urllib.parse import SplitResult

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST_URL: Final = 2_048
VISIBLE: Final = re.compile(r"[!-\[\]-~]+")
"""ASCII without spaces, and without the backslash, which programs read in different ways."""
HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
SECRET_PREFIX: Final = "whsec_"  # noqa: S105  what every secret begins with
SECRET_BYTES: Final = 32
MOST_REPLAYED: Final = 100_000


def url(text: str, *, allow_private: bool) -> str:
    """The URL as it is kept, its scheme in lower case; refuses with Invalid what is never called.

    ``allow_private`` also takes http, and addresses that only this machine or network knows. A
    name is looked up whenever something is sent, so a name that leads there is refused then.
    """
    if len(text) > LONGEST_URL or not VISIBLE.fullmatch(text):
        raise _bad("A URL has at most 2048 characters, all of them visible ASCII.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _bad("This is no URL.") from None
    if parts.scheme not in ({"https", "http"} if allow_private else {"https"}):
        raise _bad("Use an https URL.")
    if "@" in parts.netloc or "#" in text:
        raise _bad("Leave out user information and fragment.")
    if port == 0:
        raise _bad("A port is 1 to 65535.")
    _check_host(parts, allow_private=allow_private)
    return parts.geturl()


def _check_host(parts: SplitResult, *, allow_private: bool) -> None:
    host = parts.hostname or ""
    address = literal_address(host)
    if address is None and not HOST.fullmatch(host):
        raise _bad("The URL needs the name or the address of a host.")
    if not allow_private and _is_local(host, address):
        raise _bad("This address is not on the public internet.")


def literal_address(host: str) -> Address | None:
    """The address that a host is, in any way in which the C library reads one; None for a name.

    ``2130706433`` and ``0x7f.1`` are 127.0.0.1 to it.
    """
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _is_local(host: str, address: Address | None) -> bool:
    """Whether that is to be seen without looking the name up."""
    if address is not None:
        return not is_public(str(address))
    return host.rstrip(".").rpartition(".")[2] == "localhost"


def event_types(names: Iterable[str]) -> list[str]:
    """The types, each once, in the order of their names. None of them means all."""
    wanted = set(names)
    if unknown := wanted.difference(TYPES):
        raise Invalid(
            f"There is no event type {', '.join(sorted(unknown))}.", attribute="event_types"
        )
    return sorted(wanted)


def new_secret() -> str:
    """256 random bits, as Standard Webhooks writes them."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def check_range(first: int, last: int) -> None:
    """Refuse a range of sequences that is none, or too long for one call."""
    if first < 1:
        raise Invalid("Sequences start at 1.", attribute="first_sequence")
    if last < first:
        raise Invalid("The last event must not come before the first.", attribute="last_sequence")
    if last - first >= MOST_REPLAYED:
        raise Invalid(
            f"At most {MOST_REPLAYED} events at once; ask for the rest afterwards.",
            attribute="last_sequence",
        )


def _bad(reason: str) -> Invalid:
    return Invalid(reason, attribute="url")

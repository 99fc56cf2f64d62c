"""Where a webhook may go: to the public internet, and nowhere else (RULES E6)."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, NamedTuple

from django.conf import settings

GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
NAT64: Final = IPv6Network("64:ff9b::/96")
"""The last 32 bits are the IPv4 address that a translator on the way connects to."""

NEVER: Final = (
    IPv4Network("168.63.129.16/32"),  # Azure's own services, metadata among them
    IPv4Network("192.0.0.0/24"),  # protocol assignments; 192.0.0.192 is Oracle Cloud's metadata
    IPv4Network("192.88.99.0/24"),  # relays of 6to4, given up
    IPv6Network("3fff::/20"),  # documentation
)
"""What not every version of ``ipaddress`` knows to be special, and what looks public and is not."""


class NotPublic(Exception):
    """A host with an address that only this machine or network knows."""


class Address(NamedTuple):
    """What a socket connects to."""

    family: socket.AddressFamily
    place: tuple[Any, ...]


Found = list[Address] | OSError | UnicodeError


def addresses_of(host: str, port: int, *, timeout: float) -> list[Address]:
    """The addresses of a host as they are now, each of them checked; connect to these and no other.

    One that is not public is enough to refuse the host with NotPublic, unless
    WEBHOOK_ALLOW_PRIVATE is set. ``timeout`` is in seconds; a name that cannot be resolved raises
    OSError.
    """
    addresses = _resolved(host, port, timeout)
    if not settings.WEBHOOK_ALLOW_PRIVATE:
        for address in addresses:
            if not is_public(str(address.place[0])):
                raise NotPublic(host)
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, and leads to no private one inside."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return _is_public_v4(ip)
    if inside := _carried(ip):
        return _is_public_v4(inside)
    return ip in GLOBAL_UNICAST and ip.is_global and not ip.is_multicast and not _is_named(ip)


def _is_public_v4(ip: IPv4Address) -> bool:
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not _is_named(ip)


def _is_named(ip: IPv4Address | IPv6Address) -> bool:
    return any(ip in network for network in NEVER)


def _carried(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address to which an IPv6 one really leads."""
    if ip in NAT64:
        return IPv4Address(ip.packed[-4:])
    return ip.ipv4_mapped or ip.sixtofour


def _resolved(host: str, port: int, timeout: float) -> list[Address]:
    """In a thread of its own: nothing but the end of the process can end a slow resolver."""
    if isinstance(answer := _looked_up(host, port, socket.AI_NUMERICHOST), list):
        return answer  # it is an address, which nobody has to be asked for
    found: SimpleQueue[Found] = SimpleQueue()
    Thread(target=lambda: found.put(_looked_up(host, port)), name="resolver", daemon=True).start()
    try:
        answer = found.get(timeout=timeout)
    except Empty:
        raise TimeoutError("resolving") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _looked_up(host: str, port: int, flags: int = 0) -> Found:
    try:
        lines = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError) as error:
        return error
    return [Address(family, place) for family, _, _, _, place in lines]

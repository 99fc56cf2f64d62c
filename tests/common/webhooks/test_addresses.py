"""No webhook leaves for an address that is not on the public internet (RULES E6)."""

from __future__ import annotations

import socket
import threading

import pytest

from common.webhooks import posting
from common.webhooks.addresses import NotPublic, addresses_of, is_public
from tests.common.webhooks.sinks import sink

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - it leads to this machine
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.1",
    "192.0.0.192",
    "168.63.129.16",
    "192.88.99.1",
    "::ffff:168.63.129.16",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:a00:1::1",
    "2002:7f00:1::1",
    "2001:0:a00:1::1",
    "2001:db8::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "93.184.215.14",
    "8.8.8.8",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]
SPELLINGS = [
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "127.1",
    "0177.0.0.1",
    "0",
    "::ffff:a00:1",
    "10.1",
]
"""Of private addresses, as the C library reads them."""


@pytest.fixture(autouse=True)
def in_production(settings):
    settings.WEBHOOK_ALLOW_PRIVATE = False


@pytest.fixture
def names(monkeypatch):
    """A resolver that knows a host by the answers that it gives one after the other."""
    known: dict[str, list[list[str]]] = {}
    asked: list[str] = []

    def getaddrinfo(host, port, type=0, flags=0):  # noqa: A002 - its name
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        asked.append(host)
        answers = known[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in one], type, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known, asked


@pytest.fixture
def called(monkeypatch):
    """The addresses that are connected to; nobody answers there."""
    calls: list[str] = []

    def connected(addresses, _give_up_at):
        calls.extend(address.place[0] for address in addresses)
        raise ConnectionRefusedError

    monkeypatch.setattr(posting, "_connected", connected)
    return calls


def error_of(url: str) -> str | None:
    return posting.post(url, {}, b"{}").error


@pytest.mark.parametrize("address", PRIVATE)
def test_it_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_it_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize("host", [*PRIVATE, *SPELLINGS])
def test_a_host_that_is_a_private_address_in_any_spelling_is_not_called(host, called):
    url = f"http://[{host}]/" if ":" in host else f"http://{host}/"
    assert error_of(url) is not None
    assert called == []


def test_it_is_called_where_private_addresses_are_allowed(settings, called):
    """Negative control: it is the check that refused."""
    settings.WEBHOOK_ALLOW_PRIVATE = True
    assert error_of("http://2130706433/") == "The connection was refused."
    assert called == ["127.0.0.1"]


@pytest.mark.parametrize(
    "found",
    [["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["2606:4700::1111", "fd00::1"], ["::ffff:10.0.0.1"]],
    ids=["private", "public and private", "version 6", "mapped"],
)
def test_a_name_with_a_private_address_is_refused_whatever_else_it_has(names, called, found):
    names[0]["shop.example"] = [found]
    with pytest.raises(NotPublic):
        addresses_of("shop.example", 443, timeout=5)
    error = error_of("https://shop.example/hooks")
    assert error == "The host has an address that is not on the public internet."
    assert called == []


def test_a_name_that_changes_to_a_private_address_is_refused_at_the_next_attempt(names, called):
    names[0]["shop.example"] = [["8.8.8.8"], ["127.0.0.1"]]
    assert error_of("https://shop.example/") == "The connection was refused."
    assert "not on the public internet" in str(error_of("https://shop.example/"))
    assert called == ["8.8.8.8"]


def test_what_is_connected_to_is_what_was_checked(names, called):
    """The name is asked for once in an attempt: a second answer could be another one."""
    names[0]["shop.example"] = [["8.8.8.8", "8.8.4.4"], ["127.0.0.1"]]
    error_of("https://shop.example/")
    assert called == ["8.8.8.8", "8.8.4.4"]
    assert names[1] == ["shop.example"]


def test_the_checked_address_is_called_under_the_hosts_own_name(settings, names):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    names[0]["shop.example"] = [["127.0.0.1"]]
    with sink() as receiver:
        outcome = posting.post(f"http://shop.example:{receiver.port}/", {}, b"{}")
    assert outcome.status_code == 200
    assert receiver.received[0].headers["host"] == f"shop.example:{receiver.port}"


def test_the_next_address_is_tried_when_one_does_not_answer(settings, names):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    names[0]["shop.example"] = [["127.0.0.77", "127.0.0.1"]]  # nobody listens at the first
    with sink() as receiver:
        assert posting.post(f"http://shop.example:{receiver.port}/", {}, b"{}").is_success


def test_a_resolver_that_says_nothing_is_given_up(monkeypatch):
    is_over = threading.Event()

    def getaddrinfo(*_, flags=0, **__):
        if not flags:
            is_over.wait(10)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(posting, "TIMEOUT", 0.1)
    assert error_of("https://shop.example/") == "No answer within 15 seconds."
    is_over.set()


def test_a_name_that_nobody_knows(monkeypatch):
    def getaddrinfo(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert error_of("https://shop.example/") == "The name of the host cannot be resolved."

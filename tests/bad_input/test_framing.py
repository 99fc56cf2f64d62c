"""Requests that do not end where they say, and bodies that come in pieces, late or never."""

from __future__ import annotations

import json
import socket

import pytest

from tests.bad_input.wire import BY_THE_SERVER, JSON, PATIENCE, answer_on, assert_refused

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_effect")]

PRODUCTS = "/api/v1/products"
PRODUCT = "/api/v1/products/$product"
GOOD = {"name": "Lamp", "description": "Bright", "price": 9.9}
BODY = json.dumps(GOOD).encode()
TOO_LARGE = b" " * (2**20 + 1)

BROKEN_FRAMING = {
    "no host": ({"Host": None}, b"", 400, BY_THE_SERVER),
    "two hosts": ({}, b"Host: evil.example\r\n", 400, BY_THE_SERVER),
    "one long header": ({"X-Long": "a" * 40_000}, b"", 431, BY_THE_SERVER),
    "200 headers": ({f"X-{number}": "a" for number in range(200)}, b"", 431, BY_THE_SERVER),
    "a header with a zero": ({"X-Zero": "a\x00b"}, b"", 400, BY_THE_SERVER),
    "a header without a colon": ({}, b"nonsense\r\n", 400, BY_THE_SERVER),
    "a header with a space": ({"X Y": "a"}, b"", 400, BY_THE_SERVER),
    "a folded header": ({}, b"X-Folded: a\r\n b\r\n", 400, BY_THE_SERVER),
    "an idempotency key with a delete": ({"Idempotency-Key": "a\x7f"}, b"", 400, BY_THE_SERVER),
    "an expectation": ({"Expect": "miracles"}, b"", 417, BY_THE_SERVER),
    "a length that is a word": ({"Content-Length": "abc"}, b"", 400, BY_THE_SERVER),
    "a length below zero": ({"Content-Length": "-1"}, b"", 400, BY_THE_SERVER),
    "a length with a sign": ({"Content-Length": "+5"}, b"", 400, BY_THE_SERVER),
    "a length of a strange digit": ({"Content-Length": "\xb2"}, b"", 400, BY_THE_SERVER),
    "a length of 5 000 digits": ({"Content-Length": "9" * 5_000}, b"", 400, BY_THE_SERVER),
    "two lengths": ({}, b"Content-Length: 1\r\n", 400, BY_THE_SERVER),
    "a length and chunks": ({"Transfer-Encoding": "chunked"}, b"", 400, BY_THE_SERVER),
    "a length above 1 MiB": ({"Content-Length": str(10**30)}, b"", 413, "payload_too_large"),
}


@pytest.mark.parametrize(
    ("headers", "more", "status", "error"), BROKEN_FRAMING.values(), ids=BROKEN_FRAMING.keys()
)
def test_a_request_out_of_frame_is_refused(shop, headers, more, status, error):
    answer = shop.send("POST", PRODUCTS, GOOD, headers, more=more, hang_up=True)
    assert_refused(answer, status, error)


def test_a_transfer_coding_that_the_server_does_not_know_is_not_implemented(shop):
    """RFC 9112 §6.1 asks for 501, which the web server gives before the application is there."""
    headers = {"Transfer-Encoding": "magic", "Content-Length": None}
    assert_refused(shop.send("POST", PRODUCTS, GOOD, headers), 501, BY_THE_SERVER)


@pytest.mark.parametrize("missing", [1, 10, 100_000])
@pytest.mark.parametrize(
    ("path", "body"), [(PRODUCTS, GOOD), ("/api/v1/inventory/$product", {"quantity_delta": -1})]
)
def test_a_body_that_ends_early_is_malformed_though_it_is_a_document(shop, path, body, missing):
    length = str(len(json.dumps(body)) + missing)
    method = "POST" if path == PRODUCTS else "PATCH"
    answer = shop.send(method, path, body, {"Content-Length": length}, hang_up=True)
    assert_refused(answer, 400, "malformed")


CHUNKS = {
    "a size that is none": (b"zz\r\n{}\r\n0\r\n\r\n", 400, BY_THE_SERVER),
    "a size below zero": (b"-2\r\n{}\r\n0\r\n\r\n", 400, BY_THE_SERVER),
    "a size with a prefix": (b"0x2\r\n{}\r\n0\r\n\r\n", 400, BY_THE_SERVER),
    "a size without end": (b"1" * 20_000, 400, BY_THE_SERVER),
    "a chunk too long": (b"2\r\n{}}}\r\n0\r\n\r\n", 400, BY_THE_SERVER),
    "a chunk cut off": (b"ff\r\n" + BODY[:20], None, BY_THE_SERVER),
    "no last chunk": (b"%x\r\n%s\r\n" % (len(BODY), BODY), None, BY_THE_SERVER),
    "above 1 MiB": (
        b"10000\r\n%s\r\n" % (b" " * 65_536) * 17 + b"0\r\n\r\n",
        413,
        "payload_too_large",
    ),
}


@pytest.mark.parametrize(("chunks", "status", "error"), CHUNKS.values(), ids=CHUNKS.keys())
def test_broken_chunks_are_refused(shop, chunks, status, error):
    headers = {"Content-Type": JSON, "Transfer-Encoding": "chunked", "Content-Length": None}
    answer = shop.send("POST", PRODUCTS, chunks, headers, hang_up=True)
    assert_refused(answer, status, error)


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "GET"])
def test_a_body_above_one_mebibyte_is_too_large(shop, method):
    path = PRODUCTS if method == "POST" else PRODUCT
    assert shop.send("GET", PRODUCT).status == 200  # the next one might come from the cache
    answer = shop.send(method, path, TOO_LARGE, {"Content-Type": JSON})
    assert_refused(answer, 413, "payload_too_large")


def test_a_body_that_never_comes_holds_up_nobody(shop):
    whole = shop.message("POST", PRODUCTS, GOOD)
    slow = [socket.create_connection(shop.address, timeout=PATIENCE) for _ in range(3)]
    for connection in slow:
        connection.sendall(whole[:-10])
    assert shop.send("GET", PRODUCT).status == 200
    for connection in slow:
        connection.shutdown(socket.SHUT_WR)
        assert_refused(answer_on(connection), 400, "malformed")
        connection.close()


def test_a_body_that_goes_on_without_end_is_late(shop):
    whole = shop.message("POST", PRODUCTS, GOOD)
    chunked = {"Content-Type": JSON, "Transfer-Encoding": "chunked", "Content-Length": None}
    begun = [whole[:-10], shop.message("POST", PRODUCTS, b"ff\r\n{", chunked)]
    slow = [socket.create_connection(shop.address, timeout=PATIENCE) for _ in begun]
    for connection, data in zip(slow, begun, strict=True):
        connection.sendall(data)
    for connection in slow:
        assert_refused(answer_on(connection), 408, "request_timeout")
        assert connection.recv(1) == b""
        connection.close()


def test_requests_in_one_piece_are_answered_one_by_one(shop):
    stay = {"Connection": "keep-alive"}
    asked = [
        shop.message("GET", PRODUCT, headers=stay),
        shop.message("POST", PRODUCTS, b"[", stay | {"Content-Type": JSON}),
        shop.message("GET", "/nothing", headers=stay),
        shop.message("GET", PRODUCT),
    ]
    with socket.create_connection(shop.address, timeout=PATIENCE) as connection:
        connection.sendall(b"".join(asked))
        answers = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]] == [200, 400, 404, 200]

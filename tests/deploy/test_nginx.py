"""nginx as compose configures it: what it passes on, what it answers itself, whom it withstands."""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from config import gunicorn
from tests.deploy.servers import Nginx
from tests.running import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

JSONAPI = "application/vnd.api+json"
OWN_ID = "request-1"
PASSING_SIZE = 2**20 + 1
EXCESSIVE_SIZE = 2**21 + 1


class Echo(BaseHTTPRequestHandler):
    """Stands for the application: answers with what reached it."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        seen = {
            "path": self.path,
            "method": self.command,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "size": len(body),
        }
        document = json.dumps(seen).encode()
        self.send_response(404 if self.path == "/absent" else 200)
        self.send_header("Content-Type", JSONAPI)
        self.send_header("ETag", '"v1"')
        self.send_header("X-Request-ID", self.headers["X-Request-ID"])
        self.send_header("Content-Length", str(len(document)))
        self.end_headers()
        self.wfile.write(document)

    do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - their names there

    def log_message(self, format, *args):  # noqa: A002 - its name there
        pass


@contextmanager
def echoing_application():
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def proxy(open_folder):
    """nginx before an application that answers."""
    with ExitStack() as stack:
        port = stack.enter_context(echoing_application())
        nginx = Nginx(open_folder / "proxy", port)
        stack.enter_context(nginx.running())
        yield nginx


@pytest.fixture(scope="module")
def lonely_proxy(open_folder):
    """nginx before nothing."""
    nginx = Nginx(open_folder / "lonely", free_port())
    with nginx.running():
        yield nginx


def ask(nginx, method="GET", path="/api/v1/products", *, body=None, headers=None, port=8000):
    connection = HTTPConnection("127.0.0.1", nginx.ports[port], timeout=10)
    try:
        chunked = "Transfer-Encoding" in (headers or {})
        connection.request(method, path, body, headers or {}, encode_chunked=chunked)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    document = json.loads(content) if content else None
    return SimpleNamespace(status=answer.status, headers=answer.headers, document=document)


def reached(answer, name):
    """The values of a header that reached the application."""
    return [value for seen, value in answer.document["headers"] if seen == name]


def say(nginx, sent):
    """Send these bytes and read until the server closes."""
    with socket.create_connection(("127.0.0.1", nginx.ports[8000]), timeout=10) as client:
        client.sendall(sent)
        received = b"".join(iter(lambda: client.recv(65_536), b""))
    head, _, content = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode(), json.loads(content)


def test_it_starts_without_complaint(proxy):
    assert not re.search(r"\[(warn|alert|emerg)\]", proxy.log.read_text())


@pytest.mark.parametrize("port", [8000, 8001, 8002])
def test_all_ports_lead_to_the_application(proxy, port):
    answer = ask(proxy, path="/inventory/?page=1&size=10", port=port)
    assert (answer.status, answer.document["path"]) == (200, "/inventory/?page=1&size=10")
    assert reached(answer, "host") == [f"127.0.0.1:{proxy.ports[port]}"]


def test_a_path_reaches_the_application_as_it_was_sent(proxy):
    path = "/api/v1//products/%C3%A9%2F?filter%5Bsku%5D=a%20b"
    assert ask(proxy, path=path).document["path"] == path


def test_what_clients_say_of_themselves_is_replaced(proxy):
    claimed = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
        "Forwarded": "for=203.0.113.9",
    }
    answer = ask(proxy, headers={**claimed, "Host": "shop.example"})
    assert reached(answer, "x-forwarded-for") == ["127.0.0.1"]
    assert reached(answer, "x-forwarded-host") == reached(answer, "host") == ["shop.example"]
    assert reached(answer, "x-forwarded-proto") == ["http"]
    assert reached(answer, "x-forwarded-port") == [str(proxy.ports[8000])]
    assert reached(answer, "forwarded") == []


def test_a_request_id_is_passed_on_or_made(proxy):
    given = ask(proxy, headers={"X-Request-ID": OWN_ID})
    assert reached(given, "x-request-id") == [OWN_ID] == given.headers.get_all("X-Request-ID")
    (made,) = reached(ask(proxy), "x-request-id")
    assert len(made) == 32


def test_an_etag_stays_strong_whatever_the_client_can_decompress(proxy):
    answer = ask(proxy, headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers["ETag"] == '"v1"'
    assert "Content-Encoding" not in answer.headers


def test_the_applications_own_errors_pass(proxy):
    answer = ask(proxy, path="/absent")
    assert (answer.status, answer.document["path"]) == (404, "/absent")


@pytest.mark.parametrize("end", ["", "/", "//", "?a=1", "%2F", "%0A", "/%0A", "/../metrics"])
def test_figures_are_shown_to_nobody_outside(proxy, end):
    for port in (8000, 8001, 8002):
        answer = ask(proxy, path=f"/metrics{end}", port=port)
        assert answer.status == 404
        assert answer.document["errors"][0]["code"] == "not_found"  # none of the application's


@pytest.mark.parametrize("path", ["/metricss", "/api/v1/metrics", "/admin/metrics"])
def test_nothing_else_is_kept_from_the_application(proxy, path):
    assert ask(proxy, path=path).document["path"] == path


def test_no_version_is_told(proxy):
    assert ask(proxy).headers["Server"] == "nginx"


def test_a_body_that_the_application_refuses_reaches_it(proxy):
    answer = ask(proxy, "POST", body=b"x" * PASSING_SIZE)
    assert answer.document["size"] == PASSING_SIZE


@pytest.mark.parametrize("headers", [{}, {"Transfer-Encoding": "chunked"}])
def test_a_larger_one_is_refused_in_the_apis_form(proxy, headers):
    body = b"x" * EXCESSIVE_SIZE
    answer = ask(proxy, "POST", body=[body] if headers else body, headers=headers)
    assert_problem(answer.status, answer.headers, answer.document, 413, "payload_too_large")


def assert_problem(status, headers, document, expected, code):
    (error,) = document["errors"]
    assert (status, error["status"], error["code"]) == (expected, str(expected), code)
    assert set(error) == {"id", "status", "code", "title", "detail"}
    assert document["jsonapi"] == {"version": "1.1"}
    assert headers["Content-Type"] == JSONAPI
    assert headers["Vary"] == "Accept"
    assert headers["X-Request-ID"] == error["id"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"rubbish\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01", 400),  # TLS on a port without it
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 9_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + (b"X-A: " + b"a" * 7_000 + b"\r\n") * 5, 431),
    ],
)
def test_what_nobody_can_understand_is_no_failure_of_ours(proxy, sent, status):
    answered, head, document = say(proxy, sent)
    (error,) = document["errors"]
    assert (answered, error["status"]) == (status, str(status))
    assert f"Content-Type: {JSONAPI}" in head
    assert ("Allow: GET" in head) == (status == 405)


def test_headers_that_the_web_server_takes_pass(proxy):
    name = "x-long"
    value = "a" * (gunicorn.limit_request_field_size - 200)
    headers = {f"{name}-{number}": value for number in range(3)}
    assert reached(ask(proxy, headers=headers), f"{name}-2") == [value]


def test_without_an_application_the_answer_is_a_503_that_says_when_to_try_again(lonely_proxy):
    answer = ask(lonely_proxy, headers={"X-Request-ID": OWN_ID})
    assert_problem(answer.status, answer.headers, answer.document, 503, "service_unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["X-Request-ID"] == OWN_ID


@pytest.mark.parametrize(
    ("accept", "label"),
    [("application/json", "application/json"), ("*/*", JSONAPI), ("text/html", JSONAPI)],
)
def test_its_own_documents_are_labelled_as_the_client_asked(lonely_proxy, accept, label):
    assert ask(lonely_proxy, headers={"Accept": accept}).headers["Content-Type"] == label


def test_an_id_that_would_break_the_document_is_in_the_header_only(lonely_proxy):
    answer = ask(lonely_proxy, headers={"X-Request-ID": 'a"\\b'})
    assert answer.headers["X-Request-ID"] == 'a"\\b'
    assert "id" not in answer.document["errors"][0]


@pytest.mark.parametrize("given", ["two words", "", "a" * 129])
def test_an_id_that_is_none_is_replaced(lonely_proxy, given):
    answer = ask(lonely_proxy, headers={"X-Request-ID": given})
    assert len(answer.headers["X-Request-ID"]) == 32


def test_what_it_answers_itself_is_logged_without_the_query_string(lonely_proxy):
    ask(lonely_proxy, "PATCH", "/secret/1?key=hunter2", headers={"X-Request-ID": "logged-one"})
    (line,) = wait_until(lambda: logged(lonely_proxy, "logged-one"))
    assert (line["method"], line["path"], line["status"]) == ("PATCH", "/secret/1", 503)
    assert "hunter2" not in lonely_proxy.log.read_text()


def logged(nginx, request_id):
    """Nothing as long as a line is still being written."""
    lines = [line for line in nginx.log.read_text().splitlines(keepends=True) if request_id in line]
    return [json.loads(line) for line in lines if line.endswith("\n")]


def test_what_the_application_answers_is_left_to_its_own_log(proxy):
    ask(proxy, headers={"X-Request-ID": "passed-on"})
    ask(proxy, "POST", body=b"x" * EXCESSIVE_SIZE, headers={"X-Request-ID": "kept-back"})
    wait_until(lambda: logged(proxy, "kept-back"))
    assert logged(proxy, "passed-on") == []

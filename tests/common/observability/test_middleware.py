from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from common.observability.context import current
from common.observability.middleware import NOTHING_ALLOWED, PAGES_OF_OURS, RequestMiddleware

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

THING = "/api/things/01890000-0000-7000-8000-000000000001"


@pytest.fixture(autouse=True)
def addresses(settings):
    settings.ROOT_URLCONF = "tests.common.observability.addresses"
    settings.MIDDLEWARE = [
        "common.observability.middleware.RequestMiddleware",
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ]
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture
def visitor() -> Client:
    return Client(raise_request_exception=False)


def passed(
    response: HttpResponse, request: HttpRequest | None = None, **attributes: Any
) -> HttpResponse:
    """An answer as it leaves the middleware, when the inside answers with this one."""

    def inside(request: HttpRequest) -> HttpResponse:
        vars(request).update(attributes)
        return response

    return RequestMiddleware(inside)(request or RequestFactory().get("/"))


class TestRequestId:
    @pytest.mark.parametrize("given", ["a", "!~", "order-1,order-1", "x" * 128])
    def test_a_good_id_of_the_client_is_used(self, visitor, given):
        response = visitor.get(THING, headers={"X-Request-ID": given})
        assert response["X-Request-ID"] == given
        assert response.json() == {"id": given, "request_id": given}

    @pytest.mark.parametrize("given", [None, "", "x" * 129, "a b", "a\tb", "a\x7f", "é", "a\n"])
    def test_any_other_is_replaced_by_a_new_uuid(self, visitor, given):
        headers = {} if given is None else {"X-Request-ID": given}
        response = visitor.get(THING, headers=headers)
        assert str(UUID(response["X-Request-ID"])) == response["X-Request-ID"]
        assert response.json()["id"] == response["X-Request-ID"]

    def test_every_request_has_another(self, visitor):
        assert visitor.get(THING)["X-Request-ID"] != visitor.get(THING)["X-Request-ID"]

    @pytest.mark.parametrize("address", ["/nowhere", "/crash", "/forbid", "/stream"])
    def test_errors_and_streams_carry_it_too(self, visitor, address):
        assert visitor.get(address, headers={"X-Request-ID": "R1"})["X-Request-ID"] == "R1"

    @pytest.mark.parametrize("address", [THING, "/crash"])
    def test_it_ends_with_the_request(self, visitor, address):
        visitor.get(address)
        assert current().request_id == ""

    def test_it_ends_even_when_the_worker_is_told_to_exit(self):
        def leave(_request: HttpRequest) -> HttpResponse:
            raise SystemExit

        with pytest.raises(SystemExit):
            RequestMiddleware(leave)(RequestFactory().get("/"))
        assert current().request_id == ""


class TestHeaders:
    @pytest.mark.parametrize(
        ("inner", "outer"),
        [
            (None, "Accept"),
            ("Accept", "Accept"),
            ("Cookie", "Cookie, Accept"),
            ("Cookie, accept", "Cookie, accept"),
        ],
    )
    def test_every_answer_varies_by_accept_once(self, inner, outer):
        response = HttpResponse()
        if inner:
            response["Vary"] = inner
        assert passed(response)["Vary"] == outer

    @pytest.mark.parametrize("address", ["/nowhere", "/crash", "/forbid", "/stream"])
    def test_errors_and_streams_vary_too(self, visitor, address):
        assert visitor.get(address)["Vary"] == "Accept"

    @pytest.mark.parametrize(
        ("media_type", "policy"),
        [
            ("text/html; charset=utf-8", PAGES_OF_OURS),
            ("application/json", NOTHING_ALLOWED),
            ("application/vnd.api+json", NOTHING_ALLOWED),
            ("image/svg+xml", NOTHING_ALLOWED),
        ],
    )
    def test_the_content_decides_what_it_may_load(self, media_type, policy):
        response = passed(HttpResponse(content_type=media_type))
        assert response["Content-Security-Policy"] == policy

    def test_pages_load_nothing_but_pictures_from_elsewhere(self):
        elsewhere = [part for part in PAGES_OF_OURS.split("; ") if "http" in part or "*" in part]
        assert elsewhere == ["img-src 'self' data: https:"]

    def test_not_modified_leaves_the_stored_policy_alone(self):
        assert "Content-Security-Policy" not in passed(HttpResponse(status=304))

    def test_what_a_view_has_chosen_stays(self):
        chosen = {
            "Content-Security-Policy": "default-src 'self'",
            "X-Content-Type-Options": "other",
            "Referrer-Policy": "no-referrer",
        }
        response = passed(HttpResponse(headers=chosen))
        assert {name: response[name] for name in chosen} == chosen

    def test_an_answer_from_before_the_security_middleware_has_its_headers(self, visitor):
        """Those that it sets itself are the standard to compare with."""
        behind = visitor.get(THING)
        before = passed(HttpResponse())
        for name in ("X-Content-Type-Options", "Referrer-Policy"):
            assert before[name] == behind[name]


class TestLength:
    def test_every_body_states_its_length(self):
        assert passed(HttpResponse("café"))["Content-Length"] == "5"

    def test_head_has_the_length_of_get_and_no_body(self):
        response = passed(HttpResponse("café"), RequestFactory().head("/"))
        assert (response["Content-Length"], response.content) == ("5", b"")

    @pytest.mark.parametrize("status", [204, 304])
    def test_answers_without_a_body_have_no_length(self, status):
        assert "Content-Length" not in passed(HttpResponse(status=status))

    def test_a_stream_stays_a_stream(self, visitor):
        response = visitor.get("/stream")
        assert response.getvalue() == b"ab"
        assert "Content-Length" not in response


class TestLine:
    def test_one_line_tells_it_all(self, visitor, log_lines):
        response = visitor.get(f"{THING}/", headers={"X-Request-ID": "R1", "X-Sender": "shop"})
        (line,) = log_lines()
        assert line.pop("timestamp").endswith("Z")
        assert 0 < line.pop("duration_ms") < 1000
        assert line == {
            "level": "info",
            "service": "stockroom",
            "logger": "common.observability.middleware",
            "event": "request",
            "request_id": "R1",
            "method": "GET",
            "route": "/api/things/<pk>",
            "path": f"{THING}/",
            "status": 200,
            "client": "shop",
            "bytes": len(response.content),
        }

    @pytest.mark.parametrize(
        ("address", "route"),
        [
            (THING, "/api/things/<pk>"),
            ("/numbered/7/", "/numbered/<int:pk>"),
            ("/page", "/page"),
            ("/nowhere", None),
        ],
    )
    def test_the_route_is_the_pattern_not_the_address(self, visitor, log_lines, address, route):
        visitor.get(address)
        (line,) = log_lines()
        assert (line["route"], line["path"]) == (route, address)

    def test_what_is_asked_is_never_logged(self, visitor, log_lines):
        visitor.get(f"{THING}?key=sesame", headers={"X-API-Key": "sesame"})
        visitor.get("/crash?key=sesame", headers={"X-API-Key": "sesame"})
        assert "sesame" not in str(log_lines())

    def test_the_layers_inside_add_what_only_they_know(self, log_lines):
        known: Any = {"client_name": "shop", "cache_status": "hit", "route": "/things/<pk>"}
        passed(HttpResponse("abc"), **known)
        (line,) = log_lines()
        assert (line["client"], line["cache"], line["route"]) == ("shop", "hit", "/things/<pk>")
        assert line["bytes"] == 3

    def test_what_nobody_knows_is_left_out(self, visitor, log_lines):
        visitor.get("/stream")
        (line,) = log_lines()
        assert not {"client", "cache", "bytes"} & set(line)

    @pytest.mark.parametrize(
        ("status", "level"),
        [
            (200, "info"),
            (302, "info"),
            (404, "info"),
            (422, "info"),
            (500, "error"),
            (503, "error"),
        ],
    )
    def test_only_our_own_failures_are_errors(self, visitor, log_lines, status, level):
        visitor.get(f"{THING}?status={status}")
        (line,) = log_lines()  # Django's words about a status would be a second line
        assert (line["status"], line["level"]) == (status, level)

    def test_a_bug_is_logged_once_and_under_the_id_of_the_answer(self, visitor, log_lines):
        response = visitor.get("/crash")
        crash, request = log_lines()
        assert crash["exception"].endswith("ZeroDivisionError: a bug")
        assert (request["status"], request["level"]) == (500, "error")
        assert "exception" not in request
        assert crash["request_id"] == request["request_id"] == response["X-Request-ID"]

    @pytest.mark.parametrize("address", ["/forbid", "/nowhere"])
    def test_a_refusal_is_no_crash(self, visitor, log_lines, address):
        visitor.get(address)
        (line,) = log_lines()
        assert (line["event"], line["level"]) == ("request", "info")

    def test_a_wrong_host_is_a_warning_in_one_sentence(self, visitor, log_lines):
        visitor.get("/host", headers={"Host": "evil.example"})
        warning, request = log_lines()
        assert (warning["level"], request["status"]) == ("warning", 400)
        assert "evil.example" in warning["event"]
        assert "exception" not in warning

    @pytest.mark.parametrize("address", ["/health", "/ready/", "/metrics"])
    def test_probes_are_not_worth_a_line(self, visitor, log_lines, address):
        assert visitor.get(address).status_code == 200
        assert log_lines() == []

    def test_probes_are_seen_when_debugging(self, visitor, monkeypatch):
        seen: list[tuple[str, Any]] = []
        monkeypatch.setattr("common.observability.middleware.logger", _Recorder(seen.append))
        visitor.get("/health")
        visitor.get("/page")
        assert [(level, fields["path"]) for level, fields in seen] == [
            ("debug", "/health"),
            ("info", "/page"),
        ]


class _Recorder:
    def __init__(self, note: Callable[[tuple[str, Any]], None]) -> None:
        self.debug = lambda _event, **fields: note(("debug", fields))
        self.info = lambda _event, **fields: note(("info", fields))

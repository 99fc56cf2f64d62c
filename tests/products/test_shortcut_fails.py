"""A bug in the shortcut: the log tells of it, and the caller gets the answer all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from products.api import cached
from tests.common.observability.conftest import log_lines  # noqa: F401 - a fixture
from tests.doors import Answer, answer_of, entered  # noqa: F401 - a fixture
from tests.metrics import moving

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)

COUNTED = "http_request_duration_seconds_count"


@pytest.fixture
def ask(client, stored, entered) -> Callable[[], Answer]:  # noqa: F811
    """For a product in the cache, through the whole service, as gunicorn does."""

    def ask() -> Answer:
        from config.wsgi import application

        path = {"PATH_INFO": f"/api/v1/products/{stored.pk}", "HTTP_X_REQUEST_ID": "order-1"}
        return answer_of(application, client._base_environ(**path), entered)

    ask()
    assert ask().is_sooner
    return ask


@pytest.mark.parametrize("step", ["_wanted", "_counted_and_read", "_answer"])
def test_the_ordinary_way_answers_and_the_log_says_what_failed(
    ask,
    monkeypatch,
    log_lines,  # noqa: F811
    step,
):
    sooner = ask()
    log_lines()

    def broken(*_: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(cached, step, broken)
    with moving() as moved:
        answer = ask()
    assert not answer.is_sooner
    assert (answer.status, answer.body) == ("200 OK", sooner.body)
    assert (moved(COUNTED), moved("http_requests_in_progress")) == (1, 0)
    failed, told = log_lines()
    assert (failed["event"], failed["level"]) == ("shortcut_failed", "error")
    assert "RuntimeError: a bug" in failed["exception"]
    assert failed["request_id"] == "order-1"
    assert (told["event"], told["status"], told["request_id"]) == ("request", 200, "order-1")


def test_what_has_no_shortcut_is_no_failure(ask, monkeypatch, log_lines):  # noqa: F811
    monkeypatch.setattr(cached, "_wanted", lambda _request: None)
    assert not ask().is_sooner
    assert [line["event"] for line in log_lines()] == ["request"]

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as project_settings
from django.db import transaction
from django.test import override_settings
from django_redis import get_redis_connection

from common.access.operations import create_key
from common.access.scopes import ALL_SCOPES
from common.access.verification import forget_findings
from common.api.exports.sending import under_way
from common.bulkhead import lock_queue
from common.events import recording
from tests import event_schemas
from tests.api_client import ApiClient
from tests.calling import rpc, rpc_committed  # noqa: F401 - fixtures
from tests.emptying import emptied_quickly  # noqa: F401 - a fixture
from tests.running import running_server  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session", autouse=True)
def own_keys_in_redis() -> Iterator[str]:
    """The prefix of this process's keys: processes side by side may share one Redis."""
    prefix = f"stockroom-test-{secrets.token_hex(4)}"
    cache = {**project_settings.CACHES["default"], "KEY_PREFIX": prefix}
    with override_settings(CACHES={"default": cache}):
        yield prefix


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hashing a password is slow on purpose; here nobody guesses one."""
    hasher = "django.contrib.auth.hashers.MD5PasswordHasher"
    with override_settings(PASSWORD_HASHERS=[hasher]):
        yield


@pytest.fixture(scope="session", autouse=True)
def static_files_found_when_asked_for() -> Iterator[None]:
    """Every test client loads the middleware anew, which else reads all static files each time."""
    with override_settings(WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture(scope="session", autouse=True)
def room_for_races() -> None:
    """Tests race with more threads in one process than any server has."""
    lock_queue.places = 1_000


@pytest.fixture(scope="session", autouse=True)
def events_as_published() -> Iterator[None]:
    """Whatever test records an event: it is as its schema in docs/events says."""
    write = recording._row

    def checked(fact: recording.Fact) -> dict[str, Any]:
        event_schemas.check(fact)
        return write(fact)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "_row", checked)
        yield


@pytest.fixture(autouse=True)
def nothing_kept_from_test_to_test(own_keys_in_redis: str) -> Iterator[None]:
    """Neither in Redis nor in this process; the database is pytest-django's care."""
    yield
    forget_findings()
    under_way.clear()  # of exports that a test has left
    redis = get_redis_connection("default")
    if keys := list(redis.scan_iter(f"{own_keys_in_redis}:*", count=1_000)):
        redis.delete(*keys)


@pytest.fixture
def api_client(db: None) -> Callable[..., ApiClient]:
    """A client whose key has these scopes, and no quota unless one is given."""

    def make(*scopes: str, name: str = "", quota: int = 0) -> ApiClient:
        _, key = create_key(
            name=name or f"client {secrets.token_hex(4)}",
            scopes=scopes,
            created_by="a test",
            quota=quota,
        )
        return ApiClient(key)

    return make


@pytest.fixture
def client(api_client: Callable[..., ApiClient]) -> ApiClient:
    """A client that may do everything; its key is named ``tester``."""
    return api_client(*ALL_SCOPES, name="tester")


@pytest.fixture
def read_only_client(api_client: Callable[..., ApiClient]) -> ApiClient:
    """A client that may read everything; its key is named ``reader``."""
    readable = {scope for scope in ALL_SCOPES if scope.endswith(":read")}
    return api_client(*readable, name="reader")


@pytest.fixture
def commits_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for the commit is done at once: most tests' own transaction never commits."""
    monkeypatch.setattr(transaction, "on_commit", lambda act, *_, **__: act())


@pytest.fixture(autouse=True)
def keys_stay_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was used once costs no query for the rest of the test, however slow it is.

    Tests of how long a key is remembered override this fixture.
    """
    monkeypatch.setattr("common.access.verification.REMEMBERED_SECONDS", 60)

"""The project's own PostgreSQL and Redis, as far as the environment names no others.

``config.embedded`` is imported only where it is used: production images do not carry it.
"""

# ruff: noqa: PLC0415

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from config.environment import DATA_DIR, is_set

if TYPE_CHECKING:
    from config.embedded import Servers


def own_servers(*, durable: bool = True) -> "AbstractContextManager[Servers | None]":
    """Run what DATABASE_URL and REDIS_URL leave out; nothing when both are set."""
    postgres, redis = not is_set("DATABASE_URL"), not is_set("REDIS_URL")
    if not (postgres or redis):
        return nullcontext()
    from config import embedded

    return embedded.servers(DATA_DIR, postgres=postgres, redis=redis, durable=durable)


def own_database_url() -> str:
    from config import embedded

    return embedded.database_url(DATA_DIR)


def own_redis_url() -> str:
    from config import embedded

    return embedded.redis_url(DATA_DIR)


def own_broker_url() -> str:
    from config import embedded

    return embedded.broker_url(DATA_DIR)

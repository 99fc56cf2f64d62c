"""The databases of the settings: the primary, and a replica where one is named."""

from typing import Any

from environ import Env

from common.replica.routing import REPLICA


def databases(primary_url: str, replica_url: str) -> dict[str, dict[str, Any]]:
    """As Django wants them. Tests that use a replica read the primary's rows there."""
    found = {"default": _database(primary_url, "common.postgresql")}
    if replica_url:
        mirror = {"TEST": {"MIRROR": "default"}}
        found[REPLICA] = _database(replica_url, "common.replica") | mirror
    return found


def _database(url: str, engine: str) -> dict[str, Any]:
    database: dict[str, Any] = Env.db_url_config(url) | {
        "ENGINE": engine,
        "CONN_MAX_AGE": None,  # the largest single saving there is
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,  # PgBouncer in transaction mode must work
    }
    database.setdefault("OPTIONS", {}).setdefault("connect_timeout", 2)
    return database

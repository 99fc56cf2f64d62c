"""The databases of the settings: the primary, a replica, and MongoDB, the latter two if named."""

from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from environ import Env

from common.replica.routing import REPLICA

CATALOGUE: Final = "catalogue"
"""As ``catalogue.routing`` has it, which needs settings."""
OWN_NAME: Final = "stockroom"
MONGODB: Final = {
    "serverSelectionTimeoutMS": 1_000,
    "connectTimeoutMS": 1_000,
    "socketTimeoutMS": 5_000,
}
"""Not long, where the URI says nothing else: a reader is told to come again, and the projector
tries again by itself."""


def databases(primary_url: str, replica_url: str, mongodb_uri: str) -> dict[str, dict[str, Any]]:
    """As Django wants them. Tests that use a replica read the primary's rows there."""
    found = {"default": _database(primary_url, "common.postgresql")}
    if replica_url:
        mirror = {"TEST": {"MIRROR": "default"}}
        found[REPLICA] = _database(replica_url, "common.replica") | mirror
    if mongodb_uri:
        found[CATALOGUE] = _mongodb(mongodb_uri)
    return found


def _mongodb(uri: str) -> dict[str, Any]:
    """Options win over the URI, so only those are given that it has not. The password has its
    own place, which Django shows to nobody."""
    parts = urlsplit(uri)
    who, _, where = parts.netloc.rpartition("@")
    user, _, password = who.partition(":")
    said = {name.lower() for name in parse_qs(parts.query)}
    return {
        "ENGINE": "common.mongodb",
        "HOST": parts._replace(netloc=where).geturl(),
        "USER": unquote(user),
        "PASSWORD": unquote(password),
        "NAME": parts.path.strip("/") or OWN_NAME,
        "OPTIONS": {name: value for name, value in MONGODB.items() if name.lower() not in said}
        | {"readPreference": "primary"},  # or readers would not find what they have waited for
        "TEST": {"MIGRATE": False},
    }


def _database(url: str, engine: str) -> dict[str, Any]:
    database: dict[str, Any] = Env.db_url_config(url) | {
        "ENGINE": engine,
        "CONN_MAX_AGE": None,  # the largest single saving there is
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,  # PgBouncer in transaction mode must work
    }
    database.setdefault("OPTIONS", {}).setdefault("connect_timeout", 2)
    return database

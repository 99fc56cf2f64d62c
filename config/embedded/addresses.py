"""Where the embedded servers listen. Pure: the same data directory gives the same answer."""

import hashlib
import os
from pathlib import Path

# Not the temporary directory of the environment: two terminals must agree on the place, and a
# socket's path may have no more than 103 bytes (macOS) or 107 (Linux).
SHORT_PLACE = Path("/tmp")  # noqa: S108 - used through private folders whose owner is checked

PORT = 5432  # never opened: it is part of the name of PostgreSQL's socket
ROLE = DATABASE = "stockroom"


def fingerprint(data_dir: Path) -> str:
    """Names what belongs to one data directory and one user."""
    text = f"{os.getuid()}:{os.path.realpath(data_dir)}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def socket_folder(data_dir: Path, server: str) -> Path:
    return SHORT_PLACE / f"stockroom-{fingerprint(data_dir)}-{server}"


def redis_socket(data_dir: Path) -> Path:
    return socket_folder(data_dir, "redis") / "redis.sock"


def database_url(data_dir: Path) -> str:
    folder = socket_folder(data_dir, "postgres")
    return f"postgres://{ROLE}@/{DATABASE}?host={folder}&port={PORT}"


def redis_url(data_dir: Path, db: int = 0) -> str:
    return f"unix://{redis_socket(data_dir)}?db={db}"


def broker_url(data_dir: Path) -> str:
    """For Celery. Apart from the cache, so that emptying the cache loses no task."""
    return f"redis+socket://{redis_socket(data_dir)}?virtual_host=1"

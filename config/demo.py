"""What makes a fresh Stockroom usable at once: a key, a staff login, some products.

A database of one's own (DATABASE_URL) gets none of it unless DEMO=1 asks for it.
"""

import secrets

from config.environment import DATA_DIR, boolean, is_set, text
from config.secret_files import kept_secret

STAFF_NAME = "demo"
STAFF_ADDRESS = "demo@example.com"

KEY_FILE = DATA_DIR / "demo_api_key"
PASSWORD_FILE = DATA_DIR / "demo_staff_password"


def wants_access() -> bool:
    """Whether the demo key and the demo login exist."""
    return not is_set("DATABASE_URL") or boolean("DEMO")


def wants_data() -> bool:
    return boolean("DEMO") if is_set("DEMO") else wants_access()


def api_key() -> str | None:
    """The key that works after start-up: the one that was asked for, or the demo's."""
    if is_set("API_KEY"):
        return text("API_KEY")
    if wants_access():
        return kept_secret(KEY_FILE, lambda: f"demo_{secrets.token_urlsafe(24)}")
    return None


def staff_password() -> str | None:
    if wants_access():
        return kept_secret(PASSWORD_FILE, lambda: secrets.token_urlsafe(12))
    return None

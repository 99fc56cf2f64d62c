"""What the secret of an API key looks like, and what is kept of it.

``sk_<live|test>_<id>_<random><checksum>``: the prefix lets secret scanners find leaked keys, the
id tells one key from another, and the checksum tells a typing error from an unknown key without
asking the database. A secret that an operator made up himself may look like anything.
"""

from __future__ import annotations

import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass

from django.conf import settings

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH = 8
RANDOM_LENGTH = 32  # 190 bits
CHECKSUM_LENGTH = 6
LONGEST = 255

ISSUED = re.compile(
    rf"sk_(?:live|test)_[0-9A-Za-z]{{{ID_LENGTH}}}"
    rf"_[0-9A-Za-z]{{{RANDOM_LENGTH + CHECKSUM_LENGTH}}}"
)
PRESENTABLE = re.compile(rf"[!-~]{{16,{LONGEST}}}")  # visible ASCII


@dataclass(frozen=True, slots=True)
class IssuedSecret:
    """A secret that we made, and the part of it that may be shown later."""

    public_id: str
    text: str


def issue() -> IssuedSecret:
    """A new secret that nobody can guess."""
    kind = "test" if settings.DEVELOPMENT else "live"
    public_id = _random_text(ID_LENGTH)
    unsigned = f"sk_{kind}_{public_id}_{_random_text(RANDOM_LENGTH)}"
    return IssuedSecret(public_id, unsigned + checksum(unsigned))


def checksum(text: str) -> str:
    """The CRC32 of an ASCII text in six digits to the base of 62."""
    rest, digits = zlib.crc32(text.encode("ascii")), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(BASE62))
        digits = BASE62[digit] + digits
    return digits


def could_be_a_key(secret: str) -> bool:
    """False for what cannot be a key, so that no query is spent on it."""
    return PRESENTABLE.fullmatch(secret) is not None and not is_mistyped(secret)


def is_mistyped(secret: str) -> bool:
    """It has the form of a secret that we issue, but not its checksum."""
    if not ISSUED.fullmatch(secret):
        return False
    return checksum(secret[:-CHECKSUM_LENGTH]) != secret[-CHECKSUM_LENGTH:]


def digest(secret: str) -> bytes:
    """What is stored of an ASCII secret: useless without the pepper, which the database lacks.

    No slow hash, because there is nothing to guess: the secrets are random.
    """
    pepper = settings.API_KEY_PEPPER
    key = pepper.encode() if isinstance(pepper, str) else pepper
    return hmac.digest(key, secret.encode("ascii"), "sha256")


def _random_text(length: int) -> str:
    return "".join(secrets.choice(BASE62) for _ in range(length))

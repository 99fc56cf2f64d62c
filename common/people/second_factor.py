"""The second factor of the login: an authenticator app, and recovery codes for when it is lost.

The tables are django-otp's. A session has passed when it carries the id of its user's device; a
device that is taken away or replaced takes that with it. Recovery codes are stored as digests.
"""

from __future__ import annotations

import re
import time
from base64 import b32encode
from binascii import unhexlify
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from common.database import in_transaction
from common.people.errors import HasDevice, WrongCode

if TYPE_CHECKING:
    from django.http import HttpRequest

PASSED: Final = "second_factor"
"""Where a session keeps the id of the device by which it has passed."""
OF_APP: Final = re.compile(r"[0-9]{6}", re.ASCII)
RECOVERY_CODES: Final = 10
TOLERANCE: Final = 1
"""So many steps of 30 seconds a telephone's clock may be wrong."""


def is_required() -> bool:
    """Staff need a second factor here."""
    return bool(settings.STAFF_TOTP == "required")


def has_passed(request: HttpRequest) -> bool:
    """Whether this session has shown all that its user has to show. Costs no query.

    To be asked after the user, which loads the session.
    """
    session: Any = getattr(request, "session", None)
    device_id = getattr(session, "device_id", None)
    if device_id is None:
        return not is_required()
    return bool(session.get(PASSED) == device_id)


def device_of(user_id: int) -> TOTPDevice | None:
    return TOTPDevice.objects.filter(user_id=user_id, confirmed=True).first()


def recovery_codes_left(user_id: int) -> int:
    return int(StaticToken.objects.filter(device__user_id=user_id).count())


@sensitive_variables("code")
@in_transaction
def verify(*, user_id: int, code: str) -> int | None:
    """Take a code of the app, or one for recovery; the device's id if it is right, or None.

    A code is taken once. After wrong ones none is taken for a while, twice as long each time.

    Locks: the device (docs/locking.md).
    """
    device = TOTPDevice.objects.select_for_update().filter(user_id=user_id, confirmed=True).first()
    if device is None:
        return None
    plain = re.sub(r"[\s-]", "", code)
    if OF_APP.fullmatch(plain):
        return device.pk if device.verify_token(plain) else None
    return device.pk if _verify_recovery(device, plain) else None


@sensitive_variables("key", "code", "codes")
@in_transaction
def set_up(*, user_id: int, key: str, code: str) -> tuple[int, list[str]]:
    """Give somebody the app that has this key (hexadecimal) and shows this code.

    Returns the device's id and the recovery codes, which can never be had again. Refuses with
    WrongCode and HasDevice.

    Locks: the user (docs/locking.md).
    """
    User.objects.select_for_update(no_key=True).get(pk=user_id)
    if device_of(user_id) is not None:
        raise HasDevice(_("You have an authenticator app already."))
    totp = TOTP(unhexlify(key))
    totp.time = time.time()
    if not OF_APP.fullmatch(code) or not totp.verify(int(code), TOLERANCE):
        raise WrongCode(_("This is not the code that the app shows now."), attribute="code")
    device = TOTPDevice.objects.create(
        user_id=user_id, name="app", key=key, last_t=totp.t(), drift=totp.drift
    )
    return device.pk, _issue_recovery_codes(user_id)


@sensitive_variables("codes")
@in_transaction
def renew_recovery_codes(*, user_id: int) -> list[str]:
    """New recovery codes in place of the old ones, returned only here.

    Locks: the user (docs/locking.md).
    """
    User.objects.select_for_update(no_key=True).get(pk=user_id)
    return _issue_recovery_codes(user_id)


@in_transaction
def turn_off(*, user_id: int) -> bool:
    """Take somebody's app and recovery codes away. False where there was none.

    Locks: the user (docs/locking.md).
    """
    User.objects.select_for_update(no_key=True).get(pk=user_id)
    StaticDevice.objects.filter(user_id=user_id).delete()
    gone, _by_model = TOTPDevice.objects.filter(user_id=user_id).delete()
    return bool(gone)


@in_transaction
def forget_wrong_codes(*, user_id: int) -> None:
    """Let the next code be taken at once.

    Locks: the device (docs/locking.md).
    """
    for device in TOTPDevice.objects.select_for_update().filter(user_id=user_id):
        device.throttle_reset()


def new_key() -> str:
    """The secret of an app, 160 bits, hexadecimal."""
    return token_bytes(20).hex()


def key_as_text(key: str) -> str:
    """The secret as people type it into an app: in groups of four."""
    text = b32encode(unhexlify(key)).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def key_as_address(user: User, key: str) -> str:
    """The secret as apps read it from the picture."""
    return str(TOTPDevice(user=user, key=key).config_url)


def _verify_recovery(device: TOTPDevice, code: str) -> bool:
    if not device.verify_is_allowed()[0]:
        return False
    digest = _digest(device.user_id, code)
    used, _by_model = StaticToken.objects.filter(
        device__user_id=device.user_id, token=digest
    ).delete()
    device.throttle_reset() if used else device.throttle_increment()
    return bool(used)


def _issue_recovery_codes(user_id: int) -> list[str]:
    StaticDevice.objects.filter(user_id=user_id).delete()
    device = StaticDevice.objects.create(user_id=user_id, name="recovery")
    codes = [b32encode(token_bytes(10)).decode().lower()[:10] for _n in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(
        StaticToken(device=device, token=_digest(user_id, code)) for code in codes
    )
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _digest(user_id: int, code: str) -> str:
    """What is stored of a recovery code: 64 bits of an HMAC under SECRET_KEY."""
    mac = salted_hmac("people.recovery", f"{user_id}:{code.lower()}", algorithm="sha256")
    return mac.hexdigest()[:16]

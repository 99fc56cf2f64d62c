"""What a setting may look like: each function turns its text into a value or says what is wrong.

The ValueError it raises is the end of a sentence that begins with the variable's name.
"""

import os
import re
from collections.abc import Callable
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

BASE_DIR = Path(__file__).resolve().parent.parent

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
SAMPLERS = (
    *("always_on", "always_off", "traceidratio"),
    *("parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
)
HOST = r"(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])"
ORIGIN = rf"https?://{HOST}(?::[0-9]{{1,5}})?"
LOGIN = r"[\w.~!$&'()*+,;=%-]+"
MONGODB_HOST = r"(?:[\w.%-]+|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?"
MONGODB = (
    rf"mongodb(?:\+srv)?://(?:{LOGIN}(?::{LOGIN})?@)?{MONGODB_HOST}(?:,{MONGODB_HOST})*"
    r"(?:/[\w-]*)?(?:\?[!-~]+)?"
)
MAIL_HOST = r"[a-z0-9._:-]+"
MAIL_ADDRESS = r"[^\s@<>,;]+@[^\s@<>,;]+"


def a_text(value: str) -> str:
    return value


def a_switch(value: str) -> bool:
    if value.lower() not in TRUE | FALSE:
        raise ValueError(f"must be 1 or 0, not {value!r}")
    return value.lower() in TRUE


def _listed(value: str, pattern: str, meaning: str) -> list[str]:
    words = [word.strip().lower() for word in value.split(",")] if value else []
    for word in words:
        if not re.fullmatch(pattern, word):
            raise ValueError(f"must be {meaning}, separated by commas; {word!r} is none of them")
    return words


def hosts(value: str) -> list[str]:
    """As Django compares them: a name, ``.name`` for all below it, an address, or *."""
    meaning = "host names without scheme, port or path (example.com, .example.com, [::1] or *)"
    return _listed(value, rf"\.?{HOST}|\*", meaning)


def origins(value: str) -> list[str]:
    """As a browser sends them in Origin, or * alone."""
    if value.strip() == "*":
        return ["*"]
    return _listed(value, ORIGIN, "* or origins without a path (https://shop.example.com)")


def form_origins(value: str) -> list[str]:
    """As a browser sends them in Origin; ``https://*.name`` for all below a name."""
    pattern = ORIGIN.replace("://", r"://(?:\*\.)?", 1)
    return _listed(value, pattern, "origins without a path (https://shop.example.com)")


def a_path(value: str) -> Path:
    """A relative path starts at the project, wherever the command was typed."""
    return BASE_DIR / Path(value).expanduser()


def a_folder(value: str) -> Path:
    """A path at which there is a folder, or could be."""
    path = a_path(value)
    there = next(one for one in map(str, (path, *path.parents)) if os.path.exists(one))
    if not os.path.isdir(there):
        raise ValueError(f"must be a folder, or the place for one; {there!r} is a file")
    return path


def a_level(value: str) -> str:
    if value.upper() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}, not {value!r}")
    return value.upper()


def a_duty(value: str) -> str:
    if value.lower() not in {"optional", "required"}:
        raise ValueError(f"must be optional or required, not {value!r}")
    return value.lower()


def a_sampler(value: str) -> str:
    """As OpenTelemetry names them, which would keep every trace for the sake of a misspelt one."""
    if value.lower() not in SAMPLERS:
        raise ValueError(f"must be one of {', '.join(SAMPLERS)}, not {value!r}")
    return value.lower()


def a_share(value: str) -> str:
    """A part of all, as a text for whoever reads it."""
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"must be a number from 0 to 1, not {value!r}")
    return value


def a_time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        raise ValueError(f"must be a time zone such as Europe/Berlin, not {value!r}") from None
    return value


def a_number(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        wanted = f"must be a whole number from {minimum} to {maximum}, not {value!r}"
        if not (value.isascii() and value.isdigit() and len(value) <= len(str(maximum))):
            raise ValueError(wanted)
        if not minimum <= int(value) <= maximum:
            raise ValueError(wanted)
        return int(value)

    return parse


def a_list_of_numbers(minimum: int, maximum: int) -> Callable[[str], list[str]]:
    """Whole numbers, separated by commas; at least one."""
    number = a_number(minimum, maximum)

    def parse(value: str) -> list[str]:
        return [str(number(word.strip())) for word in value.split(",")]

    return parse


def a_secret(shortest: int, longest: int) -> Callable[[str], str]:
    """The value is never shown. It must survive a trip in an HTTP header."""

    def parse(value: str) -> str:
        if value and not re.fullmatch(rf"[!-~]{{{shortest},{longest}}}", value):
            raise ValueError(f"must have {shortest} to {longest} characters, visible and ASCII")
        return value

    return parse


def a_url(*schemes: str) -> Callable[[str], str]:
    """The value is never shown: it may carry a password."""

    def parse(value: str) -> str:
        if value and _parts(value).scheme not in schemes:
            starts = ", ".join(f"{scheme}://" for scheme in schemes)
            raise ValueError(f"must be a URL that starts with one of {starts}")
        return value

    return parse


def a_mongodb_url(value: str) -> str:
    """With one host or several; the value is never shown: it may carry a password."""
    ports = re.findall(r":([0-9]+)(?=[,/?]|$)", value.rpartition("@")[2], re.ASCII)
    are_ports = all(0 < int(port) < 2**16 for port in ports)
    if value and not (are_ports and re.fullmatch(MONGODB, value, re.ASCII)):
        raise ValueError("must be a URL such as mongodb://user:password@host:27017/name")
    return value


def a_mail_url(*schemes: str) -> Callable[[str], str]:
    """As ``a_url``; a server of mails has a host and, where one is given, a port."""
    url = a_url(*schemes)

    def parse(value: str) -> str:
        parts = _parts(url(value))
        if parts.scheme.startswith("smtp") and not _is_server(parts):
            raise ValueError("must name a host and a port, as in smtp+tls://mail.example.com:587")
        return value

    return parse


def an_address(value: str) -> str:
    """Of mail, with or without a name in front."""
    address = parseaddr(value)[1]
    is_all = value.strip().endswith((address, f"<{address}>"))
    if not (is_all and value.isprintable() and re.fullmatch(MAIL_ADDRESS, address)):
        raise ValueError(
            "must be one address, such as stock@example.com or Stock <stock@example.com>,"
            f" not {value!r}"
        )
    return value


def an_origin(value: str) -> str:
    """Where a browser finds a server, without a path; empty for none."""
    if value and not re.fullmatch(rf"{ORIGIN}/?", value.lower()):
        raise ValueError(f"must be like https://stock.example.com, without a path, not {value!r}")
    return value


def _parts(value: str) -> SplitResult:
    try:
        return urlsplit(value)
    except ValueError:  # whose words may repeat a password
        raise ValueError("must be a URL, which it is not") from None


def _is_server(parts: SplitResult) -> bool:
    try:
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return has_port and bool(re.fullmatch(MAIL_HOST, parts.hostname or ""))

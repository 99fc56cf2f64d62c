"""Every setting that the environment can make, declared once, and the ways to read it.

``.env`` beside manage.py fills in what the real environment leaves out. An empty value counts
as not set, because compose files pass variables on that way. A wrong value ends the program
with one sentence that names the variable.
"""

import os
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from environ import Env

from config.secret_files import kept_secret
from config.values import (
    BASE_DIR,
    a_duty,
    a_folder,
    a_level,
    a_list_of_numbers,
    a_mail_url,
    a_mongodb_url,
    a_number,
    a_path,
    a_sampler,
    a_secret,
    a_share,
    a_switch,
    a_text,
    a_time_zone,
    a_url,
    an_address,
    an_origin,
    form_origins,
    hosts,
    origins,
)

Env.read_env(BASE_DIR / ".env")

Value = str | int | bool | Path | list[str]
T = TypeVar("T", bound=Value)

POSTGRES = ("postgres", "postgresql")
REDIS = ("redis", "rediss", "unix")
RABBITMQ = ("amqp", "amqps")
MAIL = ("smtp", "smtps", "smtp+tls", "smtp+ssl", "consolemail", "filemail", "dummymail")
BROKER = ("amqp", "amqps", "redis", "rediss", "redis+socket", "memory")
MONGODB_PACKAGES = ("django_mongodb_backend",)
TRACE_PACKAGES = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")


class SettingError(SystemExit):
    """A setting that cannot be used: uncaught, it ends the program with its sentence."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting: what it means, its value when nothing is set, and how it is read."""

    name: str
    parse: Callable[[str], Value]
    default: str
    meaning: str

    @property
    def is_set(self) -> bool:
        return bool(os.environ.get(self.name))

    def read(self) -> Value:
        try:
            return self.parse(os.environ.get(self.name) or self.default)
        except ValueError as error:
            raise SettingError(f"{self.name} {error}.") from None


VARIABLES = {
    variable.name: variable
    for variable in (
        Variable(
            "DATABASE_URL", a_url(*POSTGRES), "",
            "PostgreSQL to use; without it the project starts its own under DATA_DIR.",
        ),
        Variable(
            "DATABASE_APP_ROLE", a_text, "",
            "The application's own role, when `migrate` runs as the owner of the tables.",
        ),
        Variable(
            "DATABASE_REPLICA_URL", a_url(*POSTGRES), "",
            "Read replica for lists of the API, which may lag; without it all is read from one.",
        ),
        Variable(
            "MONGODB_URI", a_mongodb_url, "",
            "MongoDB for the catalogue (mongodb://host/name); needs requirements-mongodb.txt.",
        ),
        Variable(
            "REDIS_URL", a_url(*REDIS), "",
            "Redis for the cache; without it the project starts its own under DATA_DIR.",
        ),
        Variable(
            "CELERY_BROKER_URL", a_url(*BROKER), "",
            "Message broker, amqp:// in production; without it the Redis of the cache.",
        ),
        Variable(
            "EVENTS_BROKER_URL", a_url(*RABBITMQ), "",
            "RabbitMQ for events and commands; without it CELERY_BROKER_URL when that is amqp://.",
        ),
        Variable(
            "EVENTS_KEPT_DAYS", a_number(30, 3_650), "30",
            "Days for which the feed keeps events.",
        ),
        Variable(
            "WEBHOOK_RETRY_SECONDS", a_list_of_numbers(0, 604_800),
            "0,5,300,1800,7200,18000,36000,50400,72000,86400",
            "Pauses before each attempt to deliver a webhook, separated by commas.",
        ),
        Variable(
            "WEBHOOK_ALLOW_PRIVATE", a_switch, "",
            "1 lets webhooks go to private and loopback addresses; only with DEVELOPMENT=1.",
        ),
        Variable(
            "EMAIL_URL", a_mail_url(*MAIL), "consolemail://",
            "Mail server for notifications; consolemail:// writes them to the log of the worker.",
        ),
        Variable(
            "EMAIL_FROM", an_address, "stockroom@localhost",
            "Sender of notifications.",
        ),
        Variable(
            "PUBLIC_URL", an_origin, "",
            "Where people reach this server (https://...), for links in notifications.",
        ),
        Variable(
            "SECRET_KEY", a_text, "",
            "Django's signing key; in development one is made and kept in DATA_DIR.",
        ),
        Variable(
            "API_KEY_PEPPER", a_text, "",
            "Secret mixed into the stored hashes of API keys; derived from SECRET_KEY when empty.",
        ),
        Variable(
            "API_KEY", a_secret(16, 255), "",
            "A key with this exact value, all scopes and no quota exists after start-up.",
        ),
        Variable(
            "DEVELOPMENT", a_switch, "",
            "1 for a developer's machine; follows from an empty SECRET_KEY when not set.",
        ),
        Variable(
            "HTTPS", a_switch, "",
            "1 when clients come over HTTPS; when not set, 1 unless DEVELOPMENT.",
        ),
        Variable(
            "ALLOWED_HOSTS", hosts, "",
            "Host names this server answers to, separated by commas.",
        ),
        Variable(
            "CSRF_TRUSTED_ORIGINS", form_origins, "",
            "Origins (https://...) whose forms the admin accepts, separated by commas.",
        ),
        Variable(
            "CORS_ORIGINS", origins, "",
            "Origins whose pages may call the API from a browser, or *.",
        ),
        Variable(
            "NUM_PROXIES", a_number(0, 10), "0",
            "Trusted proxies in front, which add to X-Forwarded-For.",
        ),
        Variable(
            "STAFF_TOTP", a_duty, "optional",
            "`required`: staff need an authenticator app; `optional`: whoever wants one has one.",
        ),
        Variable(
            "STAFF_IDLE_MINUTES", a_number(0, 10_080), "60",
            "Minutes without a request after which staff are logged out; 0 is never.",
        ),
        Variable(
            "LOG_LEVEL", a_level, "INFO",
            "Least severe log line that is written.",
        ),
        Variable(
            "SLOW_QUERY_MS", a_number(0, 600_000), "200",
            "Statements that take longer are logged, with their request; 0 logs none.",
        ),
        Variable(
            "METRICS_PORT", a_number(0, 65_535), "0",
            "TCP port of /metrics of worker, relay, consumer, gRPC; 0 opens none. Web has its own.",
        ),
        Variable(
            "OTEL_EXPORTER_OTLP_ENDPOINT", a_url("http", "https"), "",
            "Collector of traces (OTLP over HTTP); needs requirements-traces.txt. Empty: none.",
        ),
        Variable(
            "OTEL_TRACES_SAMPLER", a_sampler, "parentbased_always_on",
            "Which traces are kept, such as parentbased_traceidratio.",
        ),
        Variable(
            "OTEL_TRACES_SAMPLER_ARG", a_share, "1",
            "Share of the traces that is kept by a sampler that keeps a share.",
        ),
        Variable(
            "SERVICE_NAME", a_text, "stockroom",
            "Name of this service in logs and traces.",
        ),
        Variable(
            "TIME_ZONE", a_time_zone, "UTC",
            "Time zone of the admin; the API always speaks UTC.",
        ),
        Variable(
            "API_QUOTA_PER_MINUTE", a_number(0, 10**9), "6000",
            "Requests a minute for an API key without a quota of its own; 0 is unlimited.",
        ),
        Variable(
            "PRODUCT_CACHE_SECONDS", a_number(0, 86_400), "300",
            "How long a product read through the API stays in the cache.",
        ),
        Variable(
            "BIND", a_text, "127.0.0.1",
            "Address the web server, gRPC and METRICS_PORT listen on; 0.0.0.0 for every network.",
        ),
        Variable(
            "PORT", a_number(1, 65_535), "8000",
            "TCP port the web server listens on.",
        ),
        Variable(
            "WEB_CONCURRENCY", a_number(1, 256), "2",
            "Processes of the web server.",
        ),
        Variable(
            "WEB_THREADS", a_number(1, 256), "8",
            "Threads of each web process.",
        ),
        Variable(
            "GRPC_PORT", a_number(0, 65_535), "50051",
            "TCP port of the gRPC server, at BIND; 0: `make run` starts none.",
        ),
        Variable(
            "GRPC_THREADS", a_number(1, 256), "8",
            "Threads of the gRPC server.",
        ),
        Variable(
            "GRPC_FORMER_KEY", a_secret(16, 255), "",
            "API key of gRPC calls to products.ProductsService that bring none; empty: refused.",
        ),
        Variable(
            "GRPC_TLS_CERT", a_text, "",
            "PEM file: the certificate (chain) of the gRPC server. Empty: it speaks without TLS.",
        ),
        Variable(
            "GRPC_TLS_KEY", a_text, "",
            "PEM file: the private key that belongs to GRPC_TLS_CERT.",
        ),
        Variable(
            "DATA_DIR", a_path, ".data",
            "Where the project keeps what it makes itself: own servers, keys, schedules.",
        ),
        Variable(
            "STATIC_ROOT", a_folder, "",
            "Where collectstatic put the static files; when set, only those are served.",
        ),
        Variable(
            "DEMO", a_switch, "",
            "Demo data at `make run`; when not set, 1 unless DATABASE_URL is set.",
        ),
    )
}  # fmt: skip


def env(name: str) -> Value:
    return VARIABLES[name].read()


def is_set(name: str) -> bool:
    return VARIABLES[name].is_set


def check() -> None:
    """Read every variable once, so that a wrong one is named before anything starts."""
    for variable in VARIABLES.values():
        variable.read()
    traces()
    mongodb_uri()
    grpc_tls()


def _read(name: str, kind: type[T]) -> T:
    value = env(name)
    if not isinstance(value, kind):
        raise TypeError(f"{name} is declared as {type(value).__name__}, not {kind.__name__}")
    return value


def text(name: str) -> str:
    return _read(name, str)


def url(name: str) -> str:
    return _read(name, str)


def integer(name: str) -> int:
    return _read(name, int)


def boolean(name: str) -> bool:
    return _read(name, bool)


def path(name: str) -> Path:
    return _read(name, Path)


def words(name: str) -> list[str]:
    return _read(name, list)


def development() -> bool:
    """A developer's machine: readable errors, no HTTPS, a signing key made on the spot."""
    return boolean("DEVELOPMENT") if is_set("DEVELOPMENT") else not is_set("SECRET_KEY")


def webhook_allow_private() -> bool:
    """For a developer's machine alone: elsewhere it would open the inner network to whoever may
    name a URL."""
    wanted = boolean("WEBHOOK_ALLOW_PRIVATE")
    if wanted and not development():
        raise SettingError("WEBHOOK_ALLOW_PRIVATE is for developers: it needs DEVELOPMENT=1.")
    return wanted


def traces() -> bool:
    """Whether a collector of traces is named; what that needs is installed then."""
    wanted = bool(text("OTEL_EXPORTER_OTLP_ENDPOINT"))
    if wanted:
        _need("OTEL_EXPORTER_OTLP_ENDPOINT", TRACE_PACKAGES, "requirements-traces.txt")
    return wanted


def mongodb_uri() -> str:
    """Empty: the catalogue is in PostgreSQL. Else what that needs is installed."""
    uri = text("MONGODB_URI")
    if uri:
        _need("MONGODB_URI", MONGODB_PACKAGES, "requirements-mongodb.txt")
    return uri


def _need(name: str, packages: Iterable[str], file: str) -> None:
    if not all(map(_is_installed, packages)):
        raise SettingError(
            f"{name} needs packages that are not installed: "
            f"run `pip install --require-hashes -r {file}`, or leave it empty."
        )


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # of a package around it
        return False


def grpc_tls() -> tuple[Path, Path] | None:
    """Certificate and key of the gRPC server, which alone may read them; None: without TLS."""
    names = ("GRPC_TLS_CERT", "GRPC_TLS_KEY")
    given = [name for name in names if is_set(name)]
    if not given:
        return None
    if len(given) == 1:
        raise SettingError(f"{given[0]} needs the other one of {' and '.join(names)}.")
    chain, key = (a_path(text(name)) for name in names)
    return chain, key


def grpc_address() -> str:
    """Where the gRPC server listens."""
    bind = text("BIND")
    return f"[{bind}]:{integer('GRPC_PORT')}" if ":" in bind else f"{bind}:{integer('GRPC_PORT')}"


def https() -> bool:
    return boolean("HTTPS") if is_set("HTTPS") else not development()


def secret_key() -> str:
    """SECRET_KEY, or one kept in DATA_DIR that `check --deploy` recognises as unfit."""
    if is_set("SECRET_KEY"):
        return text("SECRET_KEY")
    kept = path("DATA_DIR") / "secret_key"
    asked = boolean("DEVELOPMENT") if is_set("DEVELOPMENT") else not is_set("DATABASE_URL")
    if not asked and not kept.exists():
        raise SettingError(
            "SECRET_KEY is not set: give it a long random value, "
            "or set DEVELOPMENT=1 if this is a developer's machine."
        )
    try:
        return kept_secret(kept, lambda: "django-insecure-" + secrets.token_urlsafe(48))
    except OSError as error:
        raise SettingError(f"DATA_DIR cannot hold {kept}: {error.strerror}.") from None


def check_static_files() -> None:
    """Refuse to serve pages whose files have not been collected where STATIC_ROOT says."""
    root = path("STATIC_ROOT")
    if is_set("STATIC_ROOT") and not (root / "staticfiles.json").is_file():
        raise SettingError(
            f"STATIC_ROOT {root} holds no collected files: run `manage.py collectstatic` first."
        )


DATA_DIR = path("DATA_DIR")

"""Django's settings. What the environment can change is declared in ``config.environment``."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from environ import Env

from common.observability.logs import logging_config
from common.observability.metrics import SECONDS
from common.replica.routing import REPLICA
from config import background, environment
from config.back_office import UNFOLD as UNFOLD  # noqa: PLC0414  a setting
from config.databases import CATALOGUE, databases
from config.own_servers import own_broker_url, own_database_url, own_redis_url

BASE_DIR = Path(__file__).resolve().parent.parent

environment.check()
DEVELOPMENT = environment.development()
SECRET_KEY = environment.secret_key()
API_KEY_PEPPER = environment.text("API_KEY_PEPPER") or f"api-keys:{SECRET_KEY}"
SERVICE_NAME = environment.text("SERVICE_NAME")
VERSION = "0.1.0"
TRACES = environment.traces()
DEBUG = False

# Applications

INSTALLED_APPS = [
    "common",  # before unfold: some of our templates stand in place of its own
    "unfold.apps.BasicAppConfig",
    "common.backoffice.apps.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "corsheaders",
    "django_filters",
    "rest_framework",
    "rest_framework_json_api",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "common.access",
    "common.events",
    "common.idempotency",
    "common.importing",
    "common.inbox",
    "common.notifications",
    "common.people",
    "common.saved_views",
    "common.webhooks",
    "products",
    "inventory",
    "catalogue",
]
MIDDLEWARE = [
    "common.api.shortcuts.ShortcutMiddleware",
    "common.observability.middleware.RequestMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "common.backoffice.language.LanguageMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "common.people.middleware.StaffSessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "axes.middleware.AxesMiddleware",
]
API_SHORTCUTS = ["products.api.cached.ready", "inventory.api.plain_changes.ready"]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # every route answers with and without a slash, never by redirect
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Data

DATABASES = databases(
    environment.url("DATABASE_URL") or own_database_url(),
    environment.url("DATABASE_REPLICA_URL"),
    environment.mongodb_uri(),
)
DATABASE_ROUTERS = ["catalogue.routing.Router"] if CATALOGUE in DATABASES else []
if REPLICA in DATABASES:
    DATABASE_ROUTERS.append("common.replica.routing.Router")
    MIDDLEWARE.append("common.replica.middleware.PositionMiddleware")
DATABASE_APP_ROLE = environment.text("DATABASE_APP_ROLE")
SLOW_QUERY_MS = environment.integer("SLOW_QUERY_MS")
PROMETHEUS_LATENCY_BUCKETS = SECONDS
"""Of the time that statements take."""
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": environment.url("REDIS_URL") or own_redis_url(),
        "KEY_PREFIX": "stockroom",
        "OPTIONS": {
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
            "SOCKET_CONNECT_TIMEOUT": 0.25,
            "SOCKET_TIMEOUT": 0.25,
        },
    }
}
PRODUCT_CACHE_SECONDS = environment.integer("PRODUCT_CACHE_SECONDS")
STOCK_LOCK_WAITERS = max(1, environment.integer("WEB_THREADS") // 2)
"""Threads of a process that may wait for the stock of the same product; others stay free."""
EXPORTS_AT_ONCE = max(1, environment.integer("WEB_THREADS") // 4)
"""Exports that a process may send at the same time; each keeps a thread."""
CATALOGUE_WAITERS = max(1, environment.integer("WEB_THREADS") // 4)
"""Readers of the catalogue that may wait for an event to show there; each keeps a thread."""
CATALOGUE_READERS = max(1, environment.integer("WEB_THREADS") // 2)
"""Readers of the catalogue at the same time, where it is in MongoDB; more are sent away."""
CELERY_BROKER_URL = (
    environment.url("CELERY_BROKER_URL") or environment.url("REDIS_URL") or own_broker_url()
)

# What leaves the house

EVENTS_BROKER_URL = environment.url("EVENTS_BROKER_URL") or (
    CELERY_BROKER_URL if CELERY_BROKER_URL.startswith("amqp") else ""
)
"""RabbitMQ for events and commands; empty where there is none, and webhooks alone are served."""
EVENTS_KEPT_DAYS = environment.integer("EVENTS_KEPT_DAYS")
WEBHOOK_RETRY_SECONDS = [int(word) for word in environment.words("WEBHOOK_RETRY_SECONDS")]
WEBHOOK_ALLOW_PRIVATE = environment.webhook_allow_private()
vars().update(Env.email_url_config(environment.url("EMAIL_URL")))
DEFAULT_FROM_EMAIL = environment.text("EMAIL_FROM")
EMAIL_TIMEOUT = 10
PUBLIC_URL = environment.text("PUBLIC_URL").rstrip("/")

# Who may come in, and how

ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS") or (
    ["localhost", ".localhost", "127.0.0.1", "[::1]"] if DEVELOPMENT else []
)
API_QUOTA_PER_MINUTE = environment.integer("API_QUOTA_PER_MINUTE")
NUM_PROXIES = environment.integer("NUM_PROXIES")
HTTPS = environment.https()
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/?$", r"^ready/?$", r"^metrics/?$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if NUM_PROXIES else None
SESSION_ENGINE = "common.access.sessions"
SESSION_COOKIE_SECURE = HTTPS
STAFF_IDLE_MINUTES = environment.integer("STAFF_IDLE_MINUTES")
STAFF_TOTP = environment.text("STAFF_TOTP")
OTP_TOTP_ISSUER = "Stockroom"
CSRF_COOKIE_SECURE = HTTPS
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_500  # the back office has forms about 1 000 rows
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # asked first: who is locked out gets no further
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # nobody can lock others out
AXES_CLIENT_IP_CALLABLE = "common.access.addresses.client_address"
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "429.html"
AXES_HTTP_RESPONSE_CODE = 429
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

CORS_ALLOWED_ORIGINS = [origin for origin in environment.words("CORS_ORIGINS") if origin != "*"]
CORS_ALLOW_ALL_ORIGINS = not CORS_ALLOWED_ORIGINS
CORS_ALLOW_CREDENTIALS = bool(CORS_ALLOWED_ORIGINS)
CORS_URLS_REGEX = r"^/(api/|schema|health|ready)"
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "prefer",
    "x-api-key",
    "x-csrftoken",
    "x-request-id",
]
CORS_ALLOW_METHODS = ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"]
CORS_EXPOSE_HEADERS = [
    "ETag",
    "Idempotent-Replayed",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Request-ID",
]
CORS_PREFLIGHT_MAX_AGE = 3600

# gRPC

RPC_SERVICES = ["products.rpc.servicers.add_to", "inventory.rpc.servicers.add_to"]
GRPC_ADDRESS = environment.grpc_address()
GRPC_THREADS = environment.integer("GRPC_THREADS")
GRPC_TLS = environment.grpc_tls()
RPC_FORMER_KEYS = {"products.ProductsService": environment.text("GRPC_FORMER_KEY")}
"""As whose calls those to a service count that come without any key; an empty one is nobody's."""

# Who looks after us

METRICS_ADDRESS = environment.text("BIND")
METRICS_PORT = environment.integer("METRICS_PORT")

# The API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "common.access.authentication.ApiKeyAuthentication",
        "common.access.authentication.StaffSessionAuthentication",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["common.access.throttles.QuotaThrottle"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "common.api.negotiation.ContentNegotiation",
    "DEFAULT_PARSER_CLASSES": [
        "common.api.parsers.JSONAPIParser",
        "common.api.parsers.PlainJSONParser",
    ],
    "DEFAULT_RENDERER_CLASSES": [
        "common.api.renderers.JSONAPIRenderer",
        "common.api.renderers.PlainLabelRenderer",
        "common.api.renderers.BrowsableRenderer",
    ],
    "DEFAULT_SCHEMA_CLASS": "common.api.openapi.operations.ResourceSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "common.api.errors.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
    "NUM_PROXIES": NUM_PROXIES,
    "TEST_REQUEST_DEFAULT_FORMAT": "vnd.api+json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Stockroom",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.1",
    "SERVERS": [{"url": "/"}],
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    "DEFAULT_GENERATOR_CLASS": "common.api.openapi.generator.Generator",
    "POSTPROCESSING_HOOKS": [],
}

# Background work

CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_TASK_DEFAULT_QUEUE = "stockroom"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any]
if CELERY_BROKER_URL.startswith("amqp"):
    CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
    CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic"  # a task with a delay waits in RabbitMQ
    CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 2.0, "socket_timeout": 5.0}
CELERY_BROKER_CONNECTION_TIMEOUT = 2.0  # so that whoever sends a task is not kept waiting
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.0}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True  # they are delivered again
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker as long as it takes
CELERY_TASK_QUEUES = background.queues(CELERY_BROKER_URL)
CELERY_TASK_ROUTES = background.ROUTES
CELERY_BEAT_SCHEDULE = background.SCHEDULE
CELERY_TIMEZONE = environment.text("TIME_ZONE")

# Language, time, files

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "config" / "locale", BASE_DIR / "config" / "locale_of_libraries"]
LANGUAGE_COOKIE_PATH = "/admin/"
LANGUAGE_COOKIE_AGE = 31_536_000
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
TIME_ZONE = environment.text("TIME_ZONE")
USE_TZ = True
STATIC_URL = "/static/"
# A checkout serves static files from where they lie. The image collects them when it is built,
# under names that change with their content: a page then needs files of its own version.
STATIC_ROOT = environment.path("STATIC_ROOT") if environment.is_set("STATIC_ROOT") else None
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_ROOT
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
LOGGING = logging_config(
    environment.text("LOG_LEVEL"),
    SERVICE_NAME,
    # What a command prints is its data: `KEY=$(manage.py create_api_key ...)`.
    stream="stderr" if Path(sys.argv[0]).name == "manage.py" else "stdout",
)
LOGGING_CONFIG = "logging.config.dictConfig"

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config import environment
from config.environment import VARIABLES, SettingError

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"
GUNICORN = ["-m", "gunicorn", "--config=config/gunicorn.py", "config.wsgi"]


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def example_blocks():
    """Every variable of .env.example with the comment above it and the value it shows."""
    return {
        name: (meaning, value)
        for meaning, name, value in re.findall(r"# (.+)\n# ([A-Z_]+)=(.*)\n", EXAMPLE.read_text())
    }


def test_the_example_lists_every_variable_with_its_meaning():
    assert {name: meaning for name, (meaning, _) in example_blocks().items()} == {
        variable.name: variable.meaning for variable in VARIABLES.values()
    }


def test_the_example_shows_the_default_where_there_is_one():
    shown = {name: value for name, (_, value) in example_blocks().items()}
    defaults = {variable.name: variable.default for variable in VARIABLES.values()}
    assert {name: shown[name] for name, default in defaults.items() if default} == {
        name: default for name, default in defaults.items() if default
    }


@pytest.mark.parametrize("name", VARIABLES)
def test_every_default_and_every_example_can_be_read(monkeypatch, name):
    VARIABLES[name].read()
    monkeypatch.setenv(name, example_blocks()[name][1])
    VARIABLES[name].read()


def test_an_empty_value_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("PORT", "")
    assert environment.integer("PORT") == 8000
    assert not environment.is_set("PORT")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "80.5"),
        ("PORT", "\uff18\uff10"),  # digits, but not ASCII
        ("PORT", "9" * 5000),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_THREADS", "many"),
        ("NUM_PROXIES", "-1"),
        ("DEMO", "perhaps"),
        ("DATABASE_URL", "mysql://db/stock"),
        ("MONGODB_URI", "mongodb:27017"),
        ("MONGODB_URI", "http://mongodb:27017/stockroom"),
        ("MONGODB_URI", "mongodb://"),
        ("MONGODB_URI", "mongodb://u:p/w@mongodb:27017/stockroom"),
        ("MONGODB_URI", "mongodb://u:p@w@mongodb:27017/stockroom"),
        ("MONGODB_URI", "mongodb://u:p@[mongodb/stockroom"),
        ("MONGODB_URI", "mongodb://u:p@mongodb:port/stockroom"),
        ("MONGODB_URI", "mongodb://u:p@mongodb:65536/stockroom"),
        ("REDIS_URL", "localhost:6379"),
        ("CELERY_BROKER_URL", "filesystem://"),
        ("API_KEY", "too-short"),
        ("API_KEY", "sixteen chars with spaces"),
        ("API_KEY", "sixteen-characters-é"),
        ("LOG_LEVEL", "loud"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "1%"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_TRACES_SAMPLER_ARG", "nan"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("TIME_ZONE", "../etc/passwd"),
        ("ALLOWED_HOSTS", "https://shop.example"),
        ("ALLOWED_HOSTS", "shop.example:8000"),
        ("ALLOWED_HOSTS", "shop.example/admin"),
        ("ALLOWED_HOSTS", "a.example b.example"),
        ("ALLOWED_HOSTS", "a.example,,b.example"),
        ("ALLOWED_HOSTS", ","),
        ("ALLOWED_HOSTS", "*.example"),
        ("ALLOWED_HOSTS", "::1"),
        ("ALLOWED_HOSTS", "shop.example."),
        ("CORS_ORIGINS", "shop.example"),
        ("CORS_ORIGINS", "https://shop.example/"),
        ("CORS_ORIGINS", "https://shop.example/page"),
        ("CORS_ORIGINS", "https://ada:secret@shop.example"),
        ("CORS_ORIGINS", "*,https://shop.example"),
        ("CORS_ORIGINS", "https://*.shop.example"),
        ("CORS_ORIGINS", "https://a.example https://b.example"),
        ("CORS_ORIGINS", "https://a.example,"),
        ("CSRF_TRUSTED_ORIGINS", "shop.example"),
        ("CSRF_TRUSTED_ORIGINS", "https://shop.example/"),
        ("CSRF_TRUSTED_ORIGINS", "*"),
        ("EMAIL_URL", "smtp://"),
        ("EMAIL_URL", "smtp+tls://u:p@:587"),
        ("EMAIL_URL", "smtp+ssl://u:p@mail host"),
        ("EMAIL_URL", "smtp+tls://u:p@host:notaport"),
        ("EMAIL_URL", "smtp+tls://u:p@host:65536"),
        ("EMAIL_URL", "smtp+tls://u:p@host:0"),
        ("EMAIL_URL", "smtp+tls://u:p#q@host:587"),
        ("EMAIL_URL", "smtp://u:p@[host"),
        ("EMAIL_FROM", "not an address"),
        ("EMAIL_FROM", "stock@"),
        ("EMAIL_FROM", "@example.com"),
        ("EMAIL_FROM", "a@example.com, b@example.com"),
        ("EMAIL_FROM", "Stock <a@example.com> b"),
        ("EMAIL_FROM", "Stock\n<a@example.com>"),
        ("PUBLIC_URL", "javascript:alert(1)"),
        ("PUBLIC_URL", "stock.example"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "https://stock.example/admin"),
        ("PUBLIC_URL", "https://ada:secret@stock.example"),
        ("STATIC_ROOT", __file__),
        ("STATIC_ROOT", f"{__file__}/static"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_variable(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=rf"^{name} must .*\.$") as refusal:
        environment.check()
    assert "\n" not in str(refusal.value)


WITH_PASSWORDS = [
    *("DATABASE_URL", "MONGODB_URI", "REDIS_URL", "CELERY_BROKER_URL", "EMAIL_URL", "API_KEY"),
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "x://hunter2 ") for name in WITH_PASSWORDS),
        *((name, "smtp://u:hunter2\u2100@host") for name in WITH_PASSWORDS),
        ("EMAIL_URL", "smtp://u:hunter2/@host:25"),
        ("EMAIL_URL", "smtp://hunter2:hunter2"),
        ("MONGODB_URI", "mongodb://u:hunter2\u2100@host/name"),
        ("MONGODB_URI", "mongodb://u:hunter2/@host:27017/name"),
        ("MONGODB_URI", "mongodb://hunter2:hunter2"),
    ],
)
def test_a_wrong_value_that_may_hold_a_password_is_not_repeated(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as refusal:
        environment.check()
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    "value",
    [
        "mongodb://mongodb",
        "mongodb://stockroom:p%2Fw-%40@a.example:27017,b.example:27018/name?replicaSet=rs0&tls=true",
        "mongodb://stockroom:p@[::1]:27017/name",
        "mongodb+srv://stockroom:p@cluster.example.net/name?retryWrites=true",
    ],
)
def test_addresses_of_mongodb_are_taken_as_they_are(monkeypatch, value):
    monkeypatch.setenv("MONGODB_URI", value)
    assert environment.mongodb_uri() == value


NEEDING_PACKAGES = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("http://u:hunter2@collector:4318", "requirements-traces.txt"),
    "MONGODB_URI": ("mongodb://u:hunter2@mongodb:27017/stockroom", "requirements-mongodb.txt"),
}


def sentence(name):
    """Of a process that lacks the packages for this variable."""
    return (
        f"{name} needs packages that are not installed: "
        f"run `pip install --require-hashes -r {NEEDING_PACKAGES[name][1]}`, or leave it empty."
    )


@pytest.mark.parametrize("name", NEEDING_PACKAGES)
def test_packages_are_needed_where_the_variable_is_set_and_not_before(monkeypatch, name):
    monkeypatch.setattr(environment, "_is_installed", lambda _package: False)
    environment.check()
    monkeypatch.setenv(name, NEEDING_PACKAGES[name][0])
    with pytest.raises(SettingError) as refusal:
        environment.check()
    assert str(refusal.value) == sentence(name)
    monkeypatch.undo()
    monkeypatch.setenv(name, NEEDING_PACKAGES[name][0])
    environment.check()


@pytest.mark.slow
@pytest.mark.parametrize("name", NEEDING_PACKAGES)
def test_every_program_ends_with_that_sentence_too_where_they_are_missing(tmp_path, name):
    """What the list of the run does not name is not there: tests/bare."""
    value, packages = NEEDING_PACKAGES[name]
    elsewhere = {"DATABASE_URL": "postgres://db.invalid/x", "REDIS_URL": "redis://redis.invalid"}
    own = {"PYTHONPATH": "tests/bare", "DEVELOPMENT": "1", "DATA_DIR": str(tmp_path), name: value}
    command = [sys.executable, "manage.py", "check"]
    outcomes = [
        subprocess.run(
            command,
            cwd=EXAMPLE.parent,
            env={**os.environ, **elsewhere, **own, "AND_LISTS": lists},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        for lists in ("", packages)
    ]
    assert (outcomes[0].returncode, outcomes[0].stderr) == (1, f"{sentence(name)}\n")
    assert outcomes[1].returncode == 0, outcomes[1].stderr


def test_values_are_read_as_what_they_are(monkeypatch):
    monkeypatch.setenv("PORT", "8080")
    monkeypatch.setenv("DEMO", "Yes")
    monkeypatch.setenv("ALLOWED_HOSTS", " a.example , B.example")
    monkeypatch.setenv("DATA_DIR", "somewhere")
    monkeypatch.setenv("LOG_LEVEL", "debug")
    assert environment.integer("PORT") == 8080
    assert environment.boolean("DEMO") is True
    assert environment.words("ALLOWED_HOSTS") == ["a.example", "b.example"]
    assert environment.path("DATA_DIR") == EXAMPLE.parent / "somewhere"
    assert environment.text("LOG_LEVEL") == "DEBUG"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "localhost,.example.com,127.0.0.1,[::1],xn--mnchen-3ya.example"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://shop.example,http://localhost:3000,http://[::1]:3000"),
        ("CSRF_TRUSTED_ORIGINS", "https://shop.example:8443,https://*.shop.example"),
    ],
)
def test_hosts_and_origins_are_kept_as_they_are_compared(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert environment.words(name) == value.split(",")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMAIL_URL", "smtp://mail"),
        ("EMAIL_URL", "smtp+tls://stock%40example.com:p%2Fw@mail.example.com:587"),
        ("EMAIL_URL", "smtp+ssl://[::1]:465"),
        ("EMAIL_URL", "filemail:///tmp/mails"),
        ("EMAIL_FROM", "stock@example.com"),
        ("EMAIL_FROM", "Stock Room <stock@example.com>"),
        ("EMAIL_FROM", '"Stock, main" <stock@example.com>'),
        ("PUBLIC_URL", "https://stock.example.com"),
        ("PUBLIC_URL", "http://localhost:8000/"),
    ],
)
def test_what_mails_need_is_taken_as_it_is(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert environment.text(name) == value


@pytest.mark.slow
@pytest.mark.parametrize("program", [["manage.py", "check"], GUNICORN])
@pytest.mark.parametrize(
    "setting",
    [
        ("ALLOWED_HOSTS", "shop.example:80"),
        ("CORS_ORIGINS", "shop.example"),
        ("CSRF_TRUSTED_ORIGINS", "shop.example"),
    ],
)
def test_every_program_ends_with_that_sentence(program, setting):
    name, value = setting
    done = subprocess.run(
        [sys.executable, *program],
        cwd=EXAMPLE.parent,
        env={**os.environ, name: value},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert re.fullmatch(rf"{name} must .*\.\n", done.stderr)


def test_pages_without_their_files_are_not_served(monkeypatch, tmp_path):
    environment.check_static_files()
    monkeypatch.setenv("STATIC_ROOT", str(tmp_path))
    with pytest.raises(SettingError, match=r"^STATIC_ROOT .*collectstatic.*\.$"):
        environment.check_static_files()
    (tmp_path / "staticfiles.json").touch()
    environment.check_static_files()


def test_reading_a_variable_as_something_else_is_a_bug():
    with pytest.raises(TypeError, match="PORT"):
        environment.text("PORT")


@pytest.mark.parametrize(
    ("set_to", "development", "https"),
    [
        ({}, True, False),
        ({"SECRET_KEY": "x"}, False, True),
        ({"SECRET_KEY": "x", "DEVELOPMENT": "1"}, True, False),
        ({"SECRET_KEY": "x", "HTTPS": "0"}, False, False),
        ({"DEVELOPMENT": "0"}, False, True),
    ],
)
def test_production_is_what_has_a_secret_key(monkeypatch, set_to, development, https):
    for name, value in set_to.items():
        monkeypatch.setenv(name, value)
    assert (environment.development(), environment.https()) == (development, https)


class TestSecretKey:
    @pytest.fixture(autouse=True)
    def own_data_dir(self, monkeypatch, tmp_path):
        monkeypatch.setenv("DATA_DIR", str(tmp_path))

    def test_the_one_that_is_set_is_used(self, monkeypatch):
        monkeypatch.setenv("SECRET_KEY", "given")
        assert environment.secret_key() == "given"

    def test_in_development_one_is_made_and_kept(self, tmp_path):
        made = environment.secret_key()
        assert made.startswith("django-insecure-")
        assert environment.secret_key() == made
        assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600

    def test_a_place_where_none_can_be_kept_is_named(self, monkeypatch):
        monkeypatch.setenv("DATA_DIR", "/dev/null")
        with pytest.raises(SettingError, match=r"^DATA_DIR cannot hold .*\.$"):
            environment.secret_key()

    def test_a_database_of_ones_own_needs_one(self, monkeypatch):
        monkeypatch.setenv("DATABASE_URL", "postgres://db/stock")
        with pytest.raises(SettingError, match="SECRET_KEY is not set"):
            environment.secret_key()

    def test_a_developers_database_does_not(self, monkeypatch):
        monkeypatch.setenv("DATABASE_URL", "postgres://db/stock")
        monkeypatch.setenv("DEVELOPMENT", "1")
        assert environment.secret_key()

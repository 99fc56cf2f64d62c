"""The settings of production, in processes of their own: this one runs with those of tests."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

import pytest

from config.environment import VARIABLES
from tests.deploy.image import PROJECT

pytestmark = pytest.mark.slow

PRODUCTION = {
    "SECRET_KEY": secrets.token_urlsafe(48),
    "DATABASE_URL": "postgres://stockroom:password@db.invalid:5432/stockroom",
    "REDIS_URL": "redis://redis.invalid:6379/0",
    "CELERY_BROKER_URL": "amqp://stockroom:password@rabbitmq.invalid:5672//",
    "ALLOWED_HOSTS": "stockroom.example.com",
    "NUM_PROXIES": "1",
}


def manage(*arguments, **settings):
    outside = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=outside | PRODUCTION | settings,
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
        text=True,
    )


def check(**settings):
    return manage("check", "--deploy", "--fail-level", "WARNING", **settings)


def test_they_pass_djangos_own_check():
    done = check()
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "identifier"),
    [
        ({"ALLOWED_HOSTS": ""}, "security.W020"),
        ({"SECRET_KEY": "short"}, "security.W009"),
        ({"HTTPS": "0"}, "security.W008"),
    ],
)
def test_the_check_names_what_is_unfit(settings, identifier):
    done = check(**settings)
    assert done.returncode == 1
    assert identifier in done.stderr


@pytest.mark.slow
def test_a_checkout_collects_no_files_unless_it_is_told_where():
    done = manage("collectstatic", "--no-input")
    assert done.returncode != 0
    assert "STATIC_ROOT" in done.stderr

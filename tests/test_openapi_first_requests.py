"""The first requests for the OpenAPI document, all at once, in a process that has not built it."""

from __future__ import annotations

import json

import pytest

from tests.running import own_environment, run_python

pytestmark = pytest.mark.slow

ASK = """
import json
import sys
from contextlib import nullcontext, suppress
from threading import Barrier, BrokenBarrierError, Lock, Thread

import django

django.setup()

from django.test import Client
from drf_spectacular.plumbing import OpenApiGeneratorExtension

from common.api.openapi import pages

load = OpenApiGeneratorExtension._load_class.__func__
two_have_looked, one_loads = Barrier(2), Lock()


def load_late(extension):
    # Whoever comes here has seen that it is not loaded. A second one does, if it can.
    with suppress(BrokenBarrierError):
        two_have_looked.wait(1)
    with one_loads:
        load(extension)


OpenApiGeneratorExtension._load_class = classmethod(load_late)
if "at will" in sys.argv:
    pages._building = nullcontext()
statuses = []


def ask():
    client = Client(raise_request_exception=False)
    statuses.append(client.get("/schema").status_code)


threads = [Thread(target=ask) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(statuses))
"""


@pytest.fixture
def ask(tmp_path):
    """The statuses that eight threads of a new process get; it needs no server but itself."""

    def ask(*arguments: str) -> list[int]:
        nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://:1"}
        environment = own_environment(tmp_path, nowhere)
        environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
        *_log, told = run_python(["-c", ASK, *arguments], environment).splitlines()
        statuses: list[int] = json.loads(told)
        return statuses

    return ask


def test_every_first_request_gets_the_document(ask):
    assert ask() == [200] * 8


def test_without_taking_turns_one_fails(ask):
    """Negative control: if this fails, the test above proves nothing."""
    assert 500 in ask("at will")

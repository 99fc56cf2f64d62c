"""PostgreSQL frozen or gone: Prometheus gets its answer in time, without what cannot be read."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
import requests

from config.embedded.postgres import Postgres
from tests.faults.test_postgres_faults import ALLOWANCE, _frozen
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.faults.conftest import Stand

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

PROMISED = 1.2
"""Seconds for an answer, whatever is away."""
OF_THE_DATABASE = ("outbox_events{", "reservations{", "webhook_deliveries_waiting ")


@pytest.fixture
def postgres(stand) -> Postgres:
    return Postgres(stand.data_dir)


def told(stand: Stand) -> str:
    begun = time.monotonic()
    answer = requests.get(f"{stand.server.base_url}/metrics", timeout=30)
    assert answer.status_code == 200
    assert time.monotonic() - begun <= PROMISED + ALLOWANCE
    return answer.text


def knows(text: str) -> bool:
    return all(f"\n{name}" in text for name in OF_THE_DATABASE)


def is_left_out(stand: Stand) -> bool:
    text = told(stand)
    assert "\nhttp_request_duration_seconds_count{" in text
    return '\nfigures_up{source="database"} 0.0' in text and not knows(text)


def is_back(stand: Stand) -> bool:
    text = told(stand)
    return '\nfigures_up{source="database"} 1.0' in text and knows(text)


def test_while_it_is_frozen_its_figures_are_left_out(stand, postgres):
    wait_until(lambda: is_back(stand))
    with _frozen(postgres):
        wait_until(lambda: is_left_out(stand), 30)
    wait_until(lambda: is_back(stand), 30)


def test_while_it_is_gone_its_figures_are_left_out(stand, postgres):
    wait_until(lambda: is_back(stand))
    os.kill(int(postgres.pid_file.read_text().split()[0]), signal.SIGKILL)
    wait_until(lambda: is_left_out(stand), 30)
    wait_until(stand.servers.revive)
    wait_until(lambda: is_back(stand), 30)

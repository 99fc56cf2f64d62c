from __future__ import annotations

import threading
from uuid import UUID

import pytest

from common.observability.context import (
    Cause,
    acting_as,
    begin_request,
    current,
    current_task,
    end_request,
    set_actor,
)

NOBODY = Cause(request_id="", actor="")


def test_without_a_request_or_a_job_there_is_no_cause():
    assert current() == NOBODY


def test_a_request_has_its_id_at_once_and_its_sender_when_known():
    token = begin_request("R1")
    assert current() == Cause("R1", "")
    set_actor("shop")
    assert current() == Cause("R1", "shop")
    end_request(token)
    assert current() == NOBODY


def test_a_job_acts_under_its_name_and_a_new_id():
    with acting_as("expire_reservations") as first:
        assert current() == first
    with acting_as("expire_reservations") as second:
        assert second.actor == "expire_reservations"
    assert UUID(first.request_id) != UUID(second.request_id)


def test_a_job_can_go_on_under_the_id_of_the_request_that_caused_it():
    with acting_as("deliver_webhook", "R1"):
        assert current() == Cause("R1", "deliver_webhook")


def test_the_cause_before_is_back_when_a_job_fails():
    def fail():
        with acting_as("inner"):
            raise KeyError

    with acting_as("outer"):
        with pytest.raises(KeyError):
            fail()
        assert current().actor == "outer"
    assert current() == NOBODY


def test_a_task_has_an_id_beside_that_of_the_request_that_sent_it():
    assert current_task() == ""
    with acting_as("celery:mail", "R1", task_id="T1"):
        assert (current().request_id, current_task()) == ("R1", "T1")
        with acting_as("inner"):
            assert current_task() == "T1"
    assert current_task() == ""


def test_as_a_decorator_every_call_is_a_job_of_its_own():
    work = acting_as("verify_stock")(lambda: current().request_id)
    assert work() != work()


def test_threads_do_not_see_each_other():
    seen = []
    with acting_as("shop"):
        thread = threading.Thread(target=lambda: seen.append(current()))
        thread.start()
        thread.join()
    assert seen == [NOBODY]

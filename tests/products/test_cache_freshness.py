"""Never a stale product from the cache, and one reader of the row for many."""

from __future__ import annotations

from contextlib import nullcontext
from threading import Barrier, Event

import pytest

from products import cache, operations
from products.api import representation
from tests.api_client import JSON, ApiClient
from tests.factories import CategoryFactory
from tests.products.caching import (
    PRODUCTS,
    is_hit,
    name_in,
)
from tests.racing import race
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["attributes", "relationship", "operation"])
def test_a_change_is_seen_at_once(client, stored, way):
    path = f"{PRODUCTS}/{stored.pk}"
    category = CategoryFactory()
    linkage = {"data": {"type": "categories", "id": str(category.pk)}}
    client.get(path)
    assert is_hit(client.get(path))
    if way == "attributes":
        client.patch(path, {"name": "Cup"}, JSON)
    elif way == "relationship":
        client.patch(f"{path}/relationships/category", linkage)
    else:
        operations.change_product(product_id=stored.pk, changes={"name": "Cup"})
    answer = client.get(path)
    assert not is_hit(answer)
    assert answer["ETag"] == '"2"'
    document = answer.json()["data"]
    if way == "relationship":
        assert document["relationships"]["category"]["data"] == linkage["data"]
    else:
        assert document["attributes"]["name"] == "Cup"


@pytest.mark.django_db(transaction=True)
def test_a_deleted_product_is_gone_at_once(client, stored):
    path = f"{PRODUCTS}/{stored.pk}"
    client.get(path)
    client.delete(path)
    assert client.get(path).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_change_that_was_undone_leaves_the_entry(client, stored):
    from django.db import transaction

    path = f"{PRODUCTS}/{stored.pk}"
    client.get(path)
    with transaction.atomic():
        operations.change_product(product_id=stored.pk, changes={"name": "Cup"})
        transaction.set_rollback(True)
    answer = client.get(path)
    assert (is_hit(answer), name_in(answer)) == (True, "Mug")


def read_slowly(monkeypatch):
    """Readers from now on read the row, and wait before they keep what they have made of it."""
    has_read, may_keep = Event(), Event()
    render = representation.rendered

    def rendered(product):
        entry = render(product)
        has_read.set()
        assert may_keep.wait(10)
        return entry

    monkeypatch.setattr(representation, "rendered", rendered)
    return has_read, may_keep


def change_while_somebody_reads(client, product, monkeypatch):
    """A reader reads the row, the row is changed, then the reader keeps what it has read."""
    path = f"{PRODUCTS}/{product.pk}"
    has_read, may_keep = read_slowly(monkeypatch)

    def read_or_change(number):
        if number == 0:
            return ApiClient(client.key).get(path)
        assert has_read.wait(10)
        answer = ApiClient(client.key).patch(path, {"name": "Cup"}, JSON)
        may_keep.set()
        return answer

    read, changed = race(read_or_change, workers=2)
    assert (name_in(read), name_in(changed)) == ("Mug", "Cup")
    monkeypatch.undo()
    return client.get(path)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_slow_reader_does_not_put_back_what_was_changed_meanwhile(client, stored, monkeypatch):
    assert name_in(change_while_somebody_reads(client, stored, monkeypatch)) == "Cup"


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_without_the_lease_a_slow_reader_puts_it_back(client, stored, monkeypatch):
    """Negative control: if this fails, the test above proves nothing."""
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(cache, "KEEP", "return redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])")
        assert name_in(change_while_somebody_reads(client, stored, monkeypatch)) == "Mug"


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_readers_never_go_back_in_time_while_a_product_changes(client, stored):
    """A reader that asks after a change was answered sees that change or a later one."""
    path = f"{PRODUCTS}/{stored.pk}"
    answered, is_over = [1], Event()

    def read():
        reader = ApiClient(client.key)
        while not is_over.is_set():
            floor = answered[0]
            seen = reader.get(path).json()["data"]["attributes"]["version"]
            if seen < floor:
                return f"saw {seen} after {floor}"
        return "never"

    def write():
        writer = ApiClient(client.key)
        try:
            for number in range(40):
                changed = writer.patch(path, {"name": f"Mug {number}"}, JSON)
                answered[0] = changed.json()["data"]["attributes"]["version"]
        finally:
            is_over.set()
        return "never"

    assert race(lambda n: read() if n else write(), workers=4) == ["never"] * 4
    assert answered[0] == 41


# One reader for many


def rows_read_by_eight(client, product, monkeypatch, wait_for_the_others):
    path = f"{PRODUCTS}/{product.pk}"
    reads = []
    find = representation._entry_of_row

    def counted(product_id):
        reads.append(product_id)
        wait_for_the_others()
        return find(product_id)

    monkeypatch.setattr(cache, "LONGEST_WAIT", 10)
    monkeypatch.setattr(representation, "_entry_of_row", counted)
    answers = race(lambda _: ApiClient(client.key).get(path), workers=8)
    assert len({answer.content for answer in answers}) == 1
    assert name_in(answers[0]) == "Mug"
    return len(reads)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_eight_who_miss_at_once_read_the_row_once(client, stored, monkeypatch):
    def wait_for_the_others():
        wait_until(lambda: cache._fills[str(stored.pk)][1] == 8)

    assert rows_read_by_eight(client, stored, monkeypatch, wait_for_the_others) == 1
    assert not cache._fills


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_without_waiting_for_each_other_they_all_read_it(client, stored, monkeypatch):
    """Negative control: if this fails, the test above proves nothing."""
    monkeypatch.setattr(cache, "one_at_a_time", lambda _product_id: nullcontext())
    assert rows_read_by_eight(client, stored, monkeypatch, Barrier(8, timeout=10).wait) == 8


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_nobody_waits_long_for_a_reader_that_is_stuck(client, stored, monkeypatch):
    """As it is while the database does not answer: nobody may wait for one after the other."""
    path = f"{PRODUCTS}/{stored.pk}"
    everybody_reads = Barrier(4, timeout=10)
    find = representation._entry_of_row

    def stuck(product_id):
        everybody_reads.wait()
        return find(product_id)

    monkeypatch.setattr(cache, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(representation, "_entry_of_row", stuck)
    answers = race(lambda _: ApiClient(client.key).get(path), workers=4)
    assert {answer.status_code for answer in answers} == {200}

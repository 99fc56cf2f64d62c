"""Those who buy the same product at once, each with a key, are sold to once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError

from common.idempotency.models import IdempotencyRecord
from common.idempotency.once import Answer, Claim, InProgress, KeyReused, Scope
from common.observability.context import acting_as
from inventory.errors import InsufficientStock
from inventory.operations import Key, adjust_stock_once, stock
from inventory.rules import Change
from tests.factories import StockLevelFactory
from tests.inventory.test_races import each_by_itself, the_ledger_is_whole
from tests.inventory.test_sold_together import (
    BUYERS,
    behind_a_holder,
    buyer,
    everybody_is_patient,  # noqa: F401 - a fixture
    outcomes,
    sales,
    transactions,
)
from tests.racing import in_a_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from inventory.models import StockLevel
    from inventory.queries import Inventory

pytestmark = [pytest.mark.concurrency, pytest.mark.django_db(transaction=True)]


def answer(inventory: Inventory) -> Answer:
    return Answer(200, f"{inventory.quantity} left".encode())


def with_key(level: StockLevel, name: str, quantity: int = 1) -> Callable[[], Any]:
    """Somebody who buys; the fingerprint tells of what."""

    def buy() -> Any:
        claim = Claim(Scope("shop", "PATCH", "/here", name), b"%d" % quantity)
        change = Change(product_id=level.product_id, delta=-quantity)
        with acting_as("shop", f"request-{name}"):
            return adjust_stock_once(change=change, key=Key(claim, answer))

    return buy


def kept() -> dict[str, bytes]:
    return {record.key: bytes(record.body) for record in IdempotencyRecord.objects.all()}


def test_they_share_a_transaction_and_each_has_its_own_answer():
    level = StockLevelFactory(on_hand=100)
    buyers = [with_key(level, str(number)) for number in range(BUYERS)]
    with behind_a_holder(level, buyer(level, "first"), *buyers) as asked:
        pass
    first, *others = transactions()
    assert (len(others), len(set(others))) == (BUYERS, 1)
    assert first not in others
    _, *answers = outcomes(asked)
    assert [one.body for one in answers] == [b"%d left" % (98 - n) for n in range(BUYERS)]
    assert kept() == {str(number): one.body for number, one in enumerate(answers)}
    assert [one.request_id for one in sales()][1:] == [f"request-{n}" for n in range(BUYERS)]
    assert [with_key(level, str(number))() for number in range(BUYERS)] == [None] * BUYERS
    assert the_ledger_is_whole(level)
    assert len(sales()) == 1 + BUYERS


def test_twins_that_come_together_are_one():
    level = StockLevelFactory(on_hand=100)
    twins = [with_key(level, "order") for _ in range(3)]
    with behind_a_holder(level, buyer(level, "first"), *twins, with_key(level, "other")) as asked:
        pass
    _, one, *twins_of_it, other = outcomes(asked)
    assert (one.body, other.body) == (b"98 left", b"97 left")
    assert [type(twin) for twin in twins_of_it] == [InProgress, InProgress]
    assert kept() == {"order": b"98 left", "other": b"97 left"}
    assert len(sales()) == 3


def test_who_was_sold_to_before_or_asks_for_something_else_is_told_so_and_the_others_go_on():
    level = StockLevelFactory(on_hand=100)
    assert with_key(level, "order")().body == b"99 left"
    again, changed, new = (
        with_key(level, "order"), with_key(level, "order", 2), with_key(level, "new")
    )  # fmt: skip
    with behind_a_holder(level, buyer(level, "first"), again, changed, new) as asked:
        pass
    _, of_again, of_changed, of_new = outcomes(asked)
    assert (of_again, type(of_changed), of_new.body) == (None, KeyReused, b"97 left")
    assert kept() == {"order": b"99 left", "new": b"97 left"}
    assert len(sales()) == 3


def test_what_is_refused_is_not_kept_and_leaves_the_key_free():
    level = StockLevelFactory(on_hand=5)
    wanted = [with_key(level, "much", 9), with_key(level, "little", 2)]
    with behind_a_holder(level, buyer(level, "first"), *wanted) as asked:
        pass
    _, much, little = outcomes(asked)
    assert (type(much), little.body) == (InsufficientStock, b"2 left")
    assert kept() == {"little": b"2 left"}


def test_if_the_joint_transaction_breaks_each_goes_by_itself_and_once(monkeypatch):
    """Nothing of it was kept: the keys are free again."""
    level = StockLevelFactory(on_hand=100)
    write, sizes = stock.Ledger.write, []

    def breaking(ledger: Any) -> None:
        write(ledger)
        sizes.append(len(ledger._movements))
        if sizes[-1] > 1:
            raise IntegrityError("one of them is broken")

    monkeypatch.setattr(stock.Ledger, "write", breaking)
    buyers = [with_key(level, str(number)) for number in range(3)]
    with behind_a_holder(level, buyer(level, "first"), *buyers) as asked:
        pass
    assert [one.body for one in outcomes(asked)[1:]] == [b"98 left", b"97 left", b"96 left"]
    assert (len(sales()), len(kept())) == (4, 3)
    assert len(set(transactions())) == 4
    assert the_ledger_is_whole(level)


def test_otherwise_everybody_has_a_transaction(monkeypatch):
    """The negative control."""
    each_by_itself(monkeypatch)
    level = StockLevelFactory(on_hand=100)
    with ThreadPoolExecutor(BUYERS) as threads:
        buyers = [with_key(level, str(number)) for number in range(BUYERS)]
        assert all(threads.map(in_a_thread, buyers))
    assert len(set(transactions())) == BUYERS
    assert len(kept()) == BUYERS

"""An order ends whole wherever its program crashes: nothing stuck, nothing doubled."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.examples.order_saga import ENDS, STEPS, Journal, Order, OrderSaga
from tests.examples.stockroom_client import NOT_YET, Stockroom
from tests.waiting import wait_until

PAGE = Path(__file__).resolve().parents[2] / "docs" / "saga.md"
OPENING, WANTED, PRICE = 5, 2, 1990
SHORT = 1  # seconds, for a hold that is to expire


class Crash(BaseException):
    """The end of the program: nothing catches it."""


class Deadly:
    """Lets a program live for so many moments: before and after each call that leaves it."""

    def __init__(self, moments: int) -> None:
        self.left = moments

    def moment(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Crash


class DeadlyStockroom(Stockroom):
    def __init__(self, server, deadly):
        super().__init__(server.base_url, server.api_key)
        self._deadly = deadly

    def post(self, path, body=None, *, key):
        self._deadly.moment()
        answer = super().post(path, body, key=key)
        self._deadly.moment()
        return answer


class Account:
    """A bank; ``meanwhile`` is what goes on in the world while it takes its time."""

    def __init__(self, *, has_money=True, meanwhile=None):
        self.done: dict[str, int] = {}
        self.deadly = Deadly(0)
        self._has_money = has_money
        self._meanwhile = meanwhile

    def charge(self, amount, *, key):
        self.deadly.moment()
        if self._has_money and key not in self.done:
            self.done[key] = amount
            if self._meanwhile:
                self._meanwhile()
        self.deadly.moment()
        return self._has_money

    def refund(self, amount, *, key):
        self.deadly.moment()
        self.done[key] = -amount
        self.deadly.moment()


class Shop:
    """One product of its own, one order for it, and what Stockroom says of both."""

    def __init__(self, server, folder):
        self.server = server
        self.stockroom = Stockroom(server.base_url, server.api_key)
        self.reference = f"ORDER-{secrets.token_hex(6)}"
        self.journal = Journal(folder / self.reference)
        about = {"name": "Mug", "description": "Holds tea", "price": "9.95"}
        self.product = self._made("products", about)
        self._made("inventory", {"product_id": self.product, "quantity": OPENING})

    def _made(self, path, body):
        return self.stockroom.post(path, body, key=secrets.token_hex(8))["id"]

    def order(self, **more):
        lines = [{"product_id": self.product, "quantity": WANTED}]
        return Order(self.reference, lines, PRICE, **more)

    def run(self, order, bank, moments, saga=OrderSaga):
        """The program, until it ends or dies."""
        bank.deadly = Deadly(moments)
        stockroom = DeadlyStockroom(self.server, bank.deadly)
        return saga(order, self.journal, stockroom, bank).run()

    def wait_for_expiry(self):
        (held,) = self.holds()[-1:]
        expires_at = datetime.fromisoformat(held["expires_at"])
        wait_until(lambda: datetime.now(UTC) > expires_at, 10)

    def sell_out(self):
        """Somebody else buys all that is available: what is overdue does not count."""
        other = {"order_reference": f"{self.reference}-other", "expires_in": 600}
        lines = [{"product_id": self.product, "quantity": OPENING}]
        self._made("reservations", other | {"lines": lines})

    def holds(self):
        found = self.stockroom.get(f"reservations?filter[order_reference]={self.reference}")
        return [one["attributes"] for one in found]

    def shipped(self):
        found = self.stockroom.get(f"stock-movements?filter[reference]={self.reference}")
        return [(one["attributes"]["reason"], one["attributes"]["delta"]) for one in found]

    def figures(self):
        """On hand, and promised to somebody."""
        stated = self.stockroom.get(f"inventory/{self.product}")["attributes"]
        return stated["quantity"], stated["reserved"]


def bought(shop):
    return shop.order(), Account()


def declined(shop):
    return shop.order(), Account(has_money=False)


def late(shop):
    return shop.order(hold_seconds=SHORT), Account(meanwhile=shop.wait_for_expiry)


def too_late(shop):
    def others_were_quicker():
        shop.wait_for_expiry()
        shop.sell_out()

    return shop.order(hold_seconds=SHORT), Account(meanwhile=others_were_quicker)


SENT = [("shipment", -WANTED)]
STORIES = {
    # How it ends, money that stays, movements, on hand and reserved, and how the holds end.
    bought: ("shipped", PRICE, SENT, (OPENING - WANTED, 0), {"shipped"}),
    declined: ("cancelled", 0, [], (OPENING, 0), {"released"}),
    late: (
        "shipped",
        PRICE,
        [("shipment", -WANTED)],
        (OPENING - WANTED, 0),
        {"expired", "shipped"},
    ),
    too_late: ("refunded", 0, [], (OPENING, OPENING), None),
}
MOMENTS = {bought: 8, declined: 6, late: 11, too_late: 8}
"""Calls that are answered have two, refused ones one: the program learns of the refusal."""


class Forgetful(OrderSaga):
    """Makes a new key for each request, also for one that it repeats."""

    def _key(self, step):
        return f"{super()._key(step)}:{secrets.token_hex(4)}"


def run_with_a_crash(server, folder, story, moments):
    """Run the program, let it crash after so many moments, and start it again."""
    shop = Shop(server, folder)
    order, bank = story(shop)
    try:
        end = shop.run(order, bank, moments)
        crashed = False
    except Crash:
        crashed = True
        end = shop.run(order, bank, 1_000)
    money = sum(bank.done.values())
    statuses = {one["status"] for one in shop.holds()}
    return crashed, (end, money, shop.shipped(), shop.figures(), statuses)


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_an_order_ends_whole_wherever_it_crashes(running_server, tmp_path, story):
    *expected, statuses = STORIES[story]
    with ThreadPoolExecutor(6) as threads:
        ended = list(
            threads.map(
                lambda moments: run_with_a_crash(running_server, tmp_path, story, moments),
                range(MOMENTS[story] + 1),
            )
        )
    assert [crashed for crashed, _ in ended] == [True] * MOMENTS[story] + [False]
    for _, (*found, holds) in ended:
        assert found == expected
        assert statuses is None or holds == statuses


@pytest.mark.slow
def test_without_its_keys_the_same_crash_charges_twice(running_server, tmp_path):
    """Negative control: if this fails, the test above proves nothing."""
    shop = Shop(running_server, tmp_path)
    order, bank = bought(shop)
    with pytest.raises(Crash):
        shop.run(order, bank, 3, Forgetful)  # held, and charged: that was not saved
    assert shop.run(order, bank, 1_000, Forgetful) == "shipped"
    assert sum(bank.done.values()) == 2 * PRICE


def test_the_page_tells_of_every_step_end_and_key():
    page = PAGE.read_text()
    keys = {"hold:1", "charge", "confirm:1", "ship:1", "release:1", "refund", "hold:2"}
    codes = {*NOT_YET, "insufficient_stock", "reservation_expired"}
    for name in (*STEPS, *ENDS, *codes):
        assert f"`{name}`" in page, name
    for key in keys:
        assert f"`ORDER-7:{key}`" in page, key

"""Which supply a line is promised from, and by when: without a database."""

from collections import Counter
from datetime import date, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from inventory.rules import (
    Promised,
    Share,
    Supply,
    allocate,
    latest_first,
    oldest_first,
    promise_date,
)

TODAY = date(2026, 11, 21)
SOON, LATER = TODAY + timedelta(days=3), TODAY + timedelta(days=9)


def shelf(number: int, free: int, priority: int = 100) -> Supply:
    return Supply(UUID(int=number), UUID(int=number), free, priority)


def batch(number: int, free: int, eta: date = SOON) -> Supply:
    return Supply(UUID(int=number), UUID(int=1), free, eta=eta)


def test_one_location_that_has_all_of_it_goes_before_several_that_have_parts():
    near, far = shelf(1, 2, priority=10), shelf(2, 5, priority=200)
    assert allocate(5, [near, far]) == [Share(far, 5)]
    assert allocate(2, [near, far]) == [Share(near, 2)]


def test_of_several_that_have_all_of_it_the_first_by_priority_then_by_id_gives_it():
    first, same, later = shelf(1, 9, 50), shelf(2, 9, 50), shelf(3, 9, 60)
    assert allocate(4, [later, same, first]) == [Share(first, 4)]


def test_otherwise_what_is_on_hand_by_priority_and_then_the_earliest_batches():
    supplies = [batch(5, 4, LATER), batch(4, 2, SOON), shelf(2, 1, 200), shelf(1, 2, 10)]
    assert [(share.supply.id.int, share.quantity) for share in allocate(8, supplies)] == [
        (1, 2), (2, 1), (4, 2), (5, 3),
    ]  # fmt: skip


def test_batches_of_one_day_go_by_id():
    supplies = [batch(5, 1), batch(4, 1)]
    assert [share.supply.id.int for share in allocate(2, supplies)] == [4, 5]


def test_a_batch_that_has_all_of_it_does_not_go_before_what_is_on_hand():
    assert [share.quantity for share in allocate(3, [batch(1, 9), shelf(2, 1)])] == [1, 2]


def test_nothing_is_wanted_or_nothing_is_there():
    assert allocate(0, [shelf(1, 5)]) == []
    assert allocate(3, []) == []
    assert allocate(3, [shelf(1, 0), batch(2, -4)]) == []


numbers = st.integers(1, 30)
supplies = st.builds(
    lambda number, place, free, priority, days: Supply(
        UUID(int=number),
        UUID(int=number if days is None else place),
        free,
        priority,
        None if days is None else TODAY + timedelta(days=days),
    ),
    numbers,
    numbers,
    st.integers(-3, 20),
    st.integers(0, 2),
    st.none() | st.integers(-2, 4),
)
stocks = st.lists(supplies, max_size=8, unique_by=lambda supply: supply.id)
quantities = st.integers(0, 60)


@given(stocks, quantities)
def test_no_supply_gives_more_than_is_free_and_a_line_gets_all_or_what_there_is(stock, quantity):
    shares = allocate(quantity, stock)
    assert all(1 <= share.quantity <= share.supply.free for share in shares)
    assert len({share.supply.id for share in shares}) == len(shares)
    there_is = sum(max(supply.free, 0) for supply in stock)
    assert sum(share.quantity for share in shares) == min(quantity, there_is)


@given(stocks, st.integers(1, 60))
def test_the_shares_are_the_first_of_the_order_that_is_promised(stock, quantity):
    shares = allocate(quantity, stock)
    on_hand = sorted(
        (each for each in stock if each.eta is None and each.free > 0),
        key=lambda each: (each.priority, each.location_id),
    )
    if whole := [each for each in on_hand if each.free >= quantity]:
        assert shares == [Share(whole[0], quantity)]
        return
    coming = sorted(
        (each for each in stock if each.eta and each.free > 0), key=lambda each: (each.eta, each.id)
    )
    order = [*on_hand, *coming]
    assert [share.supply for share in shares] == order[: len(shares)]
    assert all(share.quantity == share.supply.free for share in shares[:-1])


@given(stocks, quantities, st.randoms(use_true_random=False))
def test_the_order_in_which_supplies_are_told_does_not_matter(stock, quantity, chance):
    shuffled = list(stock)
    chance.shuffle(shuffled)
    assert allocate(quantity, shuffled) == allocate(quantity, stock)


# By when


def test_what_is_on_hand_is_promised_for_today_and_the_rest_for_the_last_eta():
    assert promise_date([], unallocated=0, today=TODAY) == TODAY
    assert promise_date([None], unallocated=0, today=TODAY) == TODAY
    assert promise_date([None, LATER, SOON], unallocated=0, today=TODAY) == LATER


def test_what_is_late_is_promised_for_today():
    assert promise_date([TODAY - timedelta(days=9)], unallocated=0, today=TODAY) == TODAY


def test_while_a_part_has_no_supply_there_is_no_date():
    assert promise_date([None, SOON], unallocated=1, today=TODAY) is None


@given(st.lists(st.none() | st.dates()), st.dates())
def test_the_date_is_never_past_and_never_before_a_share_arrives(etas, today):
    promised = promise_date(etas, unallocated=0, today=today)
    assert promised in {today, *etas}
    assert promised >= today
    assert all(eta <= promised for eta in etas if eta)


# Taking back


def promises(*quantities: int) -> list[Promised]:
    return [Promised(UUID(int=n), quantity) for n, quantity in enumerate(quantities, start=1)]


def parts(cut: list[Promised]) -> list[tuple[int, int]]:
    return [(one.id.int, one.quantity) for one in cut]


def test_the_latest_promises_are_taken_back_first_the_last_of_them_in_part():
    assert parts(latest_first(promises(4, 3, 2), 4)) == [(3, 2), (2, 2)]
    assert latest_first(promises(4, 3, 2), 0) == []
    assert latest_first(promises(4), -3) == []


def test_the_oldest_promises_get_what_arrives_the_last_of_them_in_part():
    assert parts(oldest_first(promises(4, 3, 2), 5)) == [(1, 4), (2, 1)]
    assert parts(oldest_first(promises(4, 3, 2), 99)) == [(1, 4), (2, 3), (3, 2)]


several = st.lists(
    st.builds(Promised, st.integers(1, 99).map(lambda n: UUID(int=n)), st.integers(1, 9)),
    unique_by=lambda one: one.id,
)


@given(several, st.integers(-2, 60))
def test_as_much_is_cut_as_was_asked_for_and_no_promise_twice(promised, excess):
    wanted = min(max(excess, 0), sum(one.quantity for one in promised))
    has = {one.id: one.quantity for one in promised}
    for cut in (latest_first(promised, excess), oldest_first(promised, excess)):
        assert sum(one.quantity for one in cut) == wanted
        assert all(1 <= one.quantity <= has[one.id] for one in cut)
        assert max(Counter(one.id for one in cut).values(), default=1) == 1


@given(several, st.integers(0, 60))
def test_what_the_latest_give_and_the_oldest_keep_is_everything(promised, excess):
    total = sum(one.quantity for one in promised)
    freed = Counter({one.id: one.quantity for one in latest_first(promised, excess)})
    kept = Counter({one.id: one.quantity for one in oldest_first(promised, max(total - excess, 0))})
    assert freed + kept == Counter({one.id: one.quantity for one in promised})

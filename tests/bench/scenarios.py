"""What is asked of the contenders, and the proof that their answers were right."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from tests.bench import pgbench
from tests.bench.contenders import UNITS, Effect
from tests.bench.load import UNIQUE, Answered, Ask, request, send
from tests.bench.machine import Watch
from tests.bench.rounds import Figures, Scenario, Turn, Wrong
from tests.bench.rpc import AskingByRpc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.bench.contenders import Contender, Field
    from tests.bench.machine import Spent

API: Final = "/api/v1"
FEW, MANY = 16, 50
BASKET: Final = 5
BASKETS: Final = 100
DAY: Final = 86_400
PAGE: Final = 10
READS_A_WRITE: Final = 9

HOT_FEW, HOT_MANY = f"decrement, hot row, c={FEW}", f"decrement, hot row, c={MANY}"
SPREAD: Final = f"decrement, spread, c={FEW}"
HOT_WITH_KEY: Final = f"decrement, hot row, with key, c={FEW}"
SPREAD_WITH_KEY: Final = f"decrement, spread, with key, c={FEW}"
BY_RPC: Final = f"cached product over gRPC, c={FEW}"
READ_FEW, READ_MANY = f"cached GET, c={FEW}", f"cached GET, c={MANY}"
LIST: Final = f"list of {PAGE}, c={FEW}"
BASKET_OF_FIVE: Final = f"reservation of {BASKET} lines, c={FEW}"
FIFTY: Final = f"{MANY} clients, {READS_A_WRITE} reads to a decrement"


NOTHING: Final = Effect()
LEAN: Final = "decrement without event"
WITH_KEY: Final = "decrement with key"
EFFECTS: Final = {
    "read": NOTHING,
    "list": NOTHING,
    "decrement": Effect(units=-1, movements=1, events=1),
    LEAN: Effect(units=-1, movements=1),
    WITH_KEY: Effect(units=-1, movements=1, events=1, records=1),
    "reservation": Effect(reserved=BASKET, events=1),
}
"""What each right answer must have done to the database."""
KEY: Final = f"Idempotency-Key: {UNIQUE.decode()}"


def all_scenarios(field: Field, watched: Mapping[str, int], folder: Path) -> list[Scenario]:
    """Every scenario that is measured in rounds."""
    ours, peer, bare = field.ours, field.peer, field.bare
    everybody = (ours, *field.peers)

    def asked(who: Contender, asks: Sequence[Ask], clients: int) -> Turn:
        return Asking(who, asks, clients, watched)

    found = [
        Scenario(
            name,
            {
                **{who.name: asked(who, reads(who), clients) for who in everybody},
                bare.name: asked(bare, reads(ours), clients),
            },
        )
        for name, clients in ((READ_FEW, FEW), (READ_MANY, MANY))
    ]
    for name, clients, levels in (
        (SPREAD, FEW, len(ours.products)),
        (HOT_FEW, FEW, 1),
        (HOT_MANY, MANY, 1),
    ):
        turns = {who.name: asked(who, decrements(who, levels), clients) for who in everybody}
        found.append(Scenario(name, turns | _pgbench_turns(ours, watched, folder, levels, clients)))
    for name, levels in ((SPREAD_WITH_KEY, len(ours.products)), (HOT_WITH_KEY, 1)):
        keyed = {who.name: asked(who, with_keys(who, levels), FEW) for who in (ours, peer)}
        found.append(Scenario(name, keyed))
    found += [
        Scenario(
            BASKET_OF_FIVE,
            {
                ours.name: asked(ours, reservations(ours), FEW),
                "one decrement": asked(ours, decrements(ours, len(ours.products)), FEW),
            },
        ),
        Scenario(
            BY_RPC,
            {
                ours.name: asked(ours, reads(ours), FEW),
                field.rpc.name: AskingByRpc(field.rpc, FEW, watched),
            },
        ),
        Scenario(LIST, {who.name: asked(who, lists(who), FEW) for who in (ours, peer)}),
        Scenario(FIFTY, {who.name: asked(who, mixed(who), MANY) for who in (ours, peer)}),
    ]
    return found


def watched() -> dict[str, int]:
    """The processes of the project's own servers; those of others cannot be looked into."""
    from config.embedded.postgres import Postgres
    from config.embedded.redis import Redis
    from config.environment import DATA_DIR, is_set

    kinds = {"DATABASE_URL": Postgres, "REDIS_URL": Redis}
    own = [kind(DATA_DIR.absolute()) for name, kind in kinds.items() if not is_set(name)]
    return {server.name: int(server.pid_file.read_text().split()[0]) for server in own}


def warm_up(field: Field) -> None:
    """Every product is in the cache, and every thread has met the database."""
    for who in (field.ours, *field.peers):
        asks = reads(who) + decrements(who, BASKETS) + lists(who)
        if not who.is_lean:
            asks += with_keys(who, BASKETS)
        if who is field.ours:
            asks += reservations(who)
        for clients in (FEW, MANY):
            refuse_wrong(who, send(who.port, asks, clients=clients, seconds=0, least=len(asks)))
    refuse_wrong(field.bare, send(field.bare.port, reads(field.ours), clients=FEW, seconds=0.2))


def reads(who: Contender) -> list[Ask]:
    return [
        Ask("read", request("GET", f"{API}/products/{pk}", key=who.key), 200) for pk in who.products
    ]


def decrements(who: Contender, levels: int) -> list[Ask]:
    """One unit less, of one of so many products."""
    return _sales(who, levels, LEAN if who.is_lean else "decrement")


def with_keys(who: Contender, levels: int) -> list[Ask]:
    """The same, each with an Idempotency-Key of its own."""
    return _sales(who, levels, WITH_KEY, KEY)


def _sales(who: Contender, levels: int, kind: str, *headers: str) -> list[Ask]:
    body = {"quantity_delta": -1}

    def sale(pk: str) -> str:
        path = f"{API}/inventory/{pk}"
        return request("PATCH", path, key=who.key, body=body, headers=headers)

    return [Ask(kind, sale(pk), 200) for pk in who.products[:levels]]


def reservations(who: Contender) -> list[Ask]:
    """Holds of some products for a day, each for an order of its own."""
    asks = []
    for first in range(BASKETS):
        chosen = [who.products[(first * BASKET + n * 7) % len(who.products)] for n in range(BASKET)]
        body: dict[str, Any] = {
            "order_reference": UNIQUE.decode(),
            "lines": [{"product_id": pk, "quantity": 1} for pk in chosen],
            "expires_in": DAY,
        }
        text = request("POST", f"{API}/reservations", key=who.key, body=body)
        asks.append(Ask("reservation", text, 201))
    return asks


def lists(who: Contender) -> list[Ask]:
    path = f"{API}/products?page%5Bsize%5D={PAGE}"
    return [Ask("list", request("GET", path, key=who.key), 200)]


def mixed(who: Contender) -> list[Ask]:
    """Cached reads, and a decrement of any product now and then."""
    found = reads(who)
    every = READS_A_WRITE + 1
    found[::every] = decrements(who, len(who.products))[::every]
    return found


@dataclass(frozen=True, slots=True)
class Asking:
    """One contender is asked by so many clients at once."""

    who: Contender
    asks: Sequence[Ask]
    clients: int
    watched: Mapping[str, int]

    def __call__(self, seconds: float) -> Figures:
        before = self.who.stock_figures()
        watch = Watch({"server": self.who.pid, **self.watched})
        answered = send(self.who.port, self.asks, clients=self.clients, seconds=seconds)
        spent = watch.spent()
        refuse_wrong(self.who, answered)
        check_effects(self.who.name, answered.right, before, self.who.stock_figures())
        return figures_of(answered, spent)


def figures_of(answered: Answered, spent: Spent) -> Figures:
    each = 1e6 / answered.all_right
    return Figures(
        rate=answered.rate,
        answers=answered.all_right,
        server=spent.by["server"] * each,
        postgres=spent.by.get("postgres", 0.0) * each,
        redis=spent.by.get("redis", 0.0) * each,
        load=answered.cpu_seconds * each,
        others=spent.of_others(answered.cpu_seconds),
        steal=spent.steal,
        p95={kind: answered.percentile(kind, 0.95) for kind in answered.right},
    )


def refuse_wrong(who: Contender, answered: Answered) -> None:
    if answered.wrong or not answered.all_right:
        raise Wrong(f"{who.name} answered {answered.wrong or 'nothing'}: {answered.example}")


def check_effects(
    name: str, right: Mapping[str, int], before: Effect | None, after: Effect | None
) -> None:
    """Refuse with Wrong unless the database changed by what was answered, no more and no less."""
    if before is None or after is None:
        return
    names = [figure.name for figure in fields(Effect)]
    changed = Effect(*(getattr(after, name) - getattr(before, name) for name in names))
    promised = Effect(
        *(sum(getattr(EFFECTS[kind], name) * n for kind, n in right.items()) for name in names)
    )
    if changed != promised:
        raise Wrong(f"{name} answered {dict(right)}, and the stock changed by {changed}.")


def _pgbench_turns(
    ours: Contender, watched: Mapping[str, int], folder: Path, levels: int, clients: int
) -> dict[str, Turn]:
    if not pgbench.program():
        return {}
    pgbench.prepare(ours.database, UNITS // 2)
    turns: dict[str, Turn] = {}
    for name, statements in (
        ("pgbench, 1 statement", pgbench.ONE_STATEMENT),
        ("pgbench, 5 statements", pgbench.FIVE_STATEMENTS),
    ):
        script = folder / f"{name.replace(', ', '-').replace(' ', '-')}.sql"
        script.write_text(statements)
        turns[name] = _Pgbench(name, ours, script, levels, clients, watched)
    return turns


@dataclass(frozen=True, slots=True)
class _Pgbench:
    """pgbench runs one script on the tables of ours."""

    name: str
    ours: Contender
    script: Path
    levels: int
    clients: int
    watched: Mapping[str, int]

    def __call__(self, seconds: float) -> Figures:
        before = self.ours.stock_figures()
        watch = Watch(self.watched)
        committed, rate, own = pgbench.run(
            self.script,
            self.ours.database,
            levels=self.levels,
            clients=self.clients,
            seconds=seconds,
        )
        spent = watch.spent()
        check_effects(self.name, {LEAN: committed}, before, self.ours.stock_figures())
        return Figures(
            rate=rate,
            answers=committed,
            server=0.0,
            postgres=spent.by.get("postgres", 0.0) * 1e6 / committed,
            redis=0.0,
            load=own * 1e6 / committed,
            others=spent.of_others(own),
            steal=spent.steal,
        )

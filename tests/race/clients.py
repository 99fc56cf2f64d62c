"""HTTP clients that carry out a schedule, try again until they know, and keep a log."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from tests.race.asking import NOT_KEPT, REFUSALS, request, told, told_why
from tests.race.history import Entry, Guard, Outcome, Place, Sighting
from tests.race.operations import DIE_AT, MAIN, Kind, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.race.operations import Operation
    from tests.race.shop import Shop

REPLY_TIMEOUT: Final = 15.0
PATIENCE: Final = 60.0  # for one operation, over all its requests
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
LONGEST_HANG: Final = 0.012  # seconds until a client that hangs up does so
LATENESS: Final = 0.15  # seconds that a late client comes after its hold has expired
SUCCESS: Final = {200, 201}
MAKERS: Final = {Kind.RESERVE, Kind.BATCH}
NOT_YET: Final = {(409, "idempotency_in_progress"), (503, "service_unavailable")}


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer that arrived whole."""

    status: int
    body: bytes
    is_replay: bool

    @property
    def document(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def code(self) -> str:
        """The code of the refusal, empty for a success."""
        return "" if self.status in SUCCESS else str(self.document["errors"][0]["code"])


class Made:
    """The holds and batches that clients have made, for those who are to go on with them."""

    def __init__(self, makers: Iterable[int]) -> None:
        self._entries: dict[int, Entry | None] = {}
        self._settled = {number: threading.Event() for number in makers}

    def put(self, entry: Entry) -> None:
        self._entries[entry.operation.number] = entry
        self._settled.setdefault(entry.operation.number, threading.Event()).set()

    def entry(self, number: int) -> Entry | None:
        """Who made it, once that is known; None when there is nothing to go on with."""
        self._settled[number].wait(2 * PATIENCE)
        entry = self._entries.get(number)
        return entry if entry is not None and entry.outcome == Outcome.OK else None


class Client:
    """One client with one connection, for one thread."""

    def __init__(
        self, shop: Shop, run: str, made: Made | None = None, patience: float = PATIENCE
    ) -> None:
        self.sightings: list[Sighting] = []
        self._shop = shop
        self._run = run
        self._made = made or Made([])
        self._patience = patience
        self._connection = HTTPConnection(urlsplit(shop.base_url).netloc, timeout=REPLY_TIMEOUT)

    def carry_out(self, operation: Operation) -> Entry | None:
        """Send the operation until its answer is known, or patience ends.

        None when it is about something that was never made.
        """
        about = None
        if operation.of is not None:
            about = self._made.entry(operation.of)
            if about is None:
                return None
            if operation.is_late:
                _pause(about.ended + about.operation.seconds + LATENESS - time.monotonic())
        reference = f"{self._run}-{operation.number}"
        guard = self._counted(operation) if operation.kind == Kind.COUNT else None
        entry = Entry(operation, reference, began=time.monotonic(), guard=guard, about=about)
        try:
            self._see_through(entry)
        finally:
            if operation.kind in MAKERS:
                self._made.put(entry)
        return entry

    def _see_through(self, entry: Entry) -> None:
        reply = self._settled(entry)
        if reply is not None:
            entry.ended = time.monotonic()
            self._note(entry, reply)
            if entry.operation.sent_again and entry.code not in NOT_KEPT:
                self._send_again(entry, reply)

    def close(self) -> None:
        self._connection.close()

    def _counted(self, operation: Operation) -> Guard:
        """Look what the system says, as somebody does who is about to count."""
        place = Place(operation.product, operation.location or MAIN)
        give_up_at = time.monotonic() + self._patience
        while time.monotonic() < give_up_at:
            began = time.monotonic()
            reply = self._exchange("GET", f"stock-levels/{self._shop.levels[place]}", None, {})
            if reply is not None and reply.status in SUCCESS:
                figures = reply.document["data"]["attributes"]
                on_hand = figures["on_hand"]
                seen = (on_hand, figures["version"], began, time.monotonic(), figures["reserved"])
                self.sightings.append(Sighting(place, *seen))
                return Guard(quantity=max(0, on_hand + operation.quantity), expected=on_hand)
            _pause(LONGEST_PAUSE)
        raise RuntimeError(f"{place} cannot be read: {reply}")

    def _settled(self, entry: Entry) -> Reply | None:
        """The reply that tells whether the operation was done, or None."""
        pause = FIRST_PAUSE
        while time.monotonic() < entry.began + self._patience:
            reply = self._send(entry)
            if reply is None or (reply.status, reply.code) in NOT_YET:
                entry.was_unknown |= reply is None or reply.status == 503
            elif reply.status in SUCCESS or reply.code in REFUSALS[entry.operation.kind]:
                return reply
            else:
                entry.unexplained.append(f"{reply.status} {reply.code}")
            if entry.operation.is_keyless:
                return None
            _pause(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return None

    def _send(self, entry: Entry) -> Reply | None:
        """One request for the operation; the first one meets what the schedule has for it."""
        entry.requests += 1
        is_first = entry.requests == 1
        operation = entry.operation
        headers = {"X-Request-ID": f"{entry.reference}.{entry.requests}"}
        if not operation.is_keyless:
            headers["Idempotency-Key"] = entry.reference
        if is_first and operation.dies_at:
            headers[DIE_AT] = operation.dies_at
        hang_up_after = None
        if is_first and operation.trouble == Trouble.HANGS_UP:
            hang_up_after = LONGEST_HANG * operation.luck / 10**6
        made = str(entry.about.figures["id"]) if entry.about else ""
        method, path, body = request(self._shop, entry, made)
        reply = self._exchange(method, path, body, headers, hang_up_after)
        if is_first and reply is not None and reply.is_replay:
            entry.unexplained.append("the first request was answered as if it were a retry")
        return reply

    def _send_again(self, entry: Entry, first: Reply) -> None:
        again = self._settled(entry)
        if again is None:
            entry.unexplained.append("no answer to a retry of what had been answered")
        elif not again.is_replay or (again.status, again.body) != (first.status, first.body):
            entry.differing_replays.append(f"{again} after {first}")

    def _exchange(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        hang_up_after: float | None = None,
    ) -> Reply | None:
        """One request and its reply; None when nobody can say what became of it."""
        content = {"Content-Type": "application/json"} if body is not None else {}
        sent = {"X-API-Key": self._shop.api_key, **content, **headers}
        try:
            self._connection.request(
                method, f"/api/v1/{path}", json.dumps(body) if body is not None else None, sent
            )
            if hang_up_after is not None:
                _pause(hang_up_after)
                self._connection.close()
                return None
            answer = self._connection.getresponse()
            return Reply(answer.status, answer.read(), "Idempotent-Replayed" in answer.headers)
        except (OSError, HTTPException):
            self._connection.close()
            return None

    def _note(self, entry: Entry, reply: Reply) -> None:
        """Put into the log what the reply says."""
        if reply.code:
            entry.outcome, entry.code = Outcome.REFUSED, reply.code
            entry.figures = told_why(self._shop, reply.document["errors"])
        else:
            entry.outcome = Outcome.OK
            entry.figures = told(self._shop, entry, reply.document)


def _pause(seconds: float) -> None:
    threading.Event().wait(max(0.0, seconds))

"""In what words staff are told."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from common.events.models import Event
from common.notifications import wording
from common.notifications.alerts import PERMISSIONS, TOPICS, WORDS, Alert, alert_of, one_line
from common.notifications.models import Mode, Notification, Topic

MUG = UUID("0190a1b2-0000-7000-8000-000000000001")
LEVEL = {"sku": "MUG", "location": "main", "available": 0, "on_hand": 0, "reorder_point": 4}


def batch(before: dict, after: dict) -> dict:
    return {"reference": "PO-1", "sku": "MUG", "before": before, "after": after}


def difference(**changes) -> dict:
    found = {"sku": "MUG", "location": "main", "figure": "on_hand", "expected": "7", "found": "5"}
    return found | changes


def told(kind: str, data: dict) -> Alert | None:
    return alert_of(Event(type=kind, subject_id=str(MUG), data=data))


@pytest.mark.parametrize(
    ("kind", "data", "sentence"),
    [
        ("stock.out", LEVEL, "MUG at main: none available, none on hand."),
        (
            "stock.out",
            LEVEL | {"on_hand": 2},
            "MUG at main: none available, 2 on hand, all of them promised.",
        ),
        (
            "stock.low",
            LEVEL | {"available": 3, "on_hand": 5},
            "MUG at main: 3 available, 5 on hand; the reorder point is 4.",
        ),
        (
            "batch.changed",
            batch({"eta": "2026-05-03"}, {"eta": "2026-05-10"}),
            "PO-1 of MUG: expected on 10 May 2026 instead of 3 May 2026, 7 days later.",
        ),
        (
            "batch.changed",
            batch({"eta": "2026-05-03"}, {"eta": "2026-05-04"}),
            "PO-1 of MUG: expected on 4 May 2026 instead of 3 May 2026, 1 day later.",
        ),
        (
            "endpoint.disabled",
            {"host": "shop.example", "reason": "It answered 410 Gone."},
            "shop.example gets no more webhooks until somebody activates it again:"
            " It answered 410 Gone.",
        ),
        (
            "ledger.differed",
            {"count": 1, "differences": [difference()]},
            "1 figure of stock differs from what the ledger and the promises explain:"
            " MUG at main, on hand is 5 and should be 7.",
        ),
        (
            "ledger.differed",
            {"count": 9, "differences": [difference(location="")] * 7},
            "9 figures of stock differ from what the ledger and the promises explain: "
            + "; ".join(["MUG, on hand is 5 and should be 7"] * 5)
            + "; and 4 more.",
        ),
    ],
    ids=["out", "promised", "low", "slipped", "one-day", "endpoint", "ledger", "large-ledger"],
)
def test_an_alert_is_a_sentence_with_the_figures(kind, data, sentence):
    alert = told(kind, data)
    assert alert is not None
    assert alert.sentence == sentence


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        ("reserved", "reserved"),
        ("next_eta", "next ETA"),
        ("movement_count", "number of movements"),
        ("on_hand_after of movement 5", "balance of movement 5"),
        ("allocated of batch on_hand", "allocated of batch on_hand"),
    ],
)
def test_a_figure_is_named_in_words(figure, words):
    alert = told("ledger.differed", {"count": 1, "differences": [difference(figure=figure)]})
    assert alert.sentence.endswith(f"MUG at main, {words} is 5 and should be 7.")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"eta": "2026-05-10"}, {"eta": "2026-05-03"}),
        ({"eta": "2026-05-10"}, {"eta": None}),
        ({"eta": None}, {"eta": "2026-05-10"}),
        ({"quantity": 5}, {"quantity": 3}),
        ({"status": "incoming"}, {"status": "cancelled"}),
    ],
    ids=["earlier", "no-more", "first", "quantity", "cancelled"],
)
def test_only_a_batch_that_comes_later_is_an_alert(before, after):
    assert told("batch.changed", batch(before, after)) is None


def test_of_other_events_nobody_is_told():
    assert told("stock.changed", {}) is None


def test_every_topic_has_an_event_a_permission_and_words():
    assert list(PERMISSIONS) == list(Topic)
    assert set(TOPICS.values()) == set(Topic) == set(WORDS) == set(wording.ONE)
    assert set(wording.SEVERAL) == set(Topic)


def test_an_alert_leads_to_the_page_of_what_it_is_about():
    assert told("stock.out", LEVEL).path == f"/admin/products/product/{MUG}/change/"
    slipped = told("batch.changed", batch({"eta": "2026-05-03"}, {"eta": "2026-05-10"}))
    assert slipped.path == f"/admin/inventory/batch/{MUG}/change/"
    assert told("ledger.differed", {"count": 1, "differences": [difference()]}).path == ""


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\x0b", "\x85", "\u2028", "\x00", "\u202e"])
def test_no_name_can_forge_a_line_or_a_header(breaks):
    data = batch({"eta": "2026-05-03"}, {"eta": "2026-05-10"})
    alert = told("batch.changed", data | {"reference": f"PO{breaks}Bcc: all@example.com"})
    assert alert.name == "PO Bcc: all@example.com"
    assert alert.sentence.startswith("PO Bcc: all@example.com of MUG: expected")
    assert one_line(f"a{breaks}b") == "a b"


def notifications(*names: str, topic: Topic = Topic.OUT, path: str = "") -> list[Notification]:
    return [
        Notification(pk=uuid4(), topic=topic, name=name, sentence=f"{name} is gone.", path=path)
        for name in names
    ]


@pytest.mark.parametrize(
    ("alerts", "subject"),
    [
        (notifications("MUG"), "MUG is out of stock"),
        (notifications("MUG", "MUG"), "MUG is out of stock"),
        (notifications("CUP", topic=Topic.LOW), "CUP is low in stock"),
        (notifications("PO-1", topic=Topic.SLIPPED), "Batch PO-1 comes later"),
        (notifications("ledger", topic=Topic.LEDGER), "Stock differs from its ledger"),
        (
            notifications("CUP", topic=Topic.LOW) + notifications("MUG"),
            "MUG is out of stock; CUP is low in stock",
        ),
    ],
    ids=["one", "two-places", "low", "slipped", "ledger", "two-topics"],
)
def test_the_subject_says_the_matter(alerts, subject):
    assert wording.subject(alerts, Mode.AT_ONCE) == subject
    assert wording.subject(alerts, Mode.DAILY) == f"Today: {subject}"


def test_the_subject_names_a_few_and_counts_the_rest():
    two = wording.subject(sorted(notifications("A", "B"), key=lambda one: one.pk), Mode.AT_ONCE)
    assert two in {"2 products are out of stock: A, B", "2 products are out of stock: B, A"}
    many = wording.subject(notifications(*(f"SKU-{n}" for n in range(9))), Mode.AT_ONCE)
    assert many.startswith("9 products are out of stock: SKU-")
    assert many.endswith(" and 4 more")
    assert len(wording.subject(notifications("X" * 200), Mode.AT_ONCE)) == 150


@pytest.mark.parametrize(("count", "more"), [(50, ""), (51, "And 1 more"), (63, "And 13 more")])
def test_a_mail_lists_fifty_alerts_and_counts_the_rest(count, more):
    text = wording.body(notifications(*(f"SKU-{n}" for n in range(count))), 7)
    assert text.count("is gone.") == 50
    assert more in text
    assert ("And" in text) == bool(more)


def test_a_mail_tells_topic_by_topic_and_how_to_get_no_more(settings):
    settings.PUBLIC_URL = "https://stock.example"
    alerts = notifications("CUP", topic=Topic.LOW) + notifications("MUG", path="/admin/x/")
    assert wording.body(alerts, 7) == (
        "Out of stock\n\n- MUG is gone.\n  https://stock.example/admin/x/\n\n"
        "Low stock\n\n- CUP is gone.\n\n"
        "--\nYou chose to be told of this. To change that or to get no more of these mails,"
        " open Notifications in the back office:\n"
        "https://stock.example/admin/notifications/recipient/7/change/\n"
    )


def test_without_a_public_address_a_mail_has_no_links(settings):
    settings.PUBLIC_URL = ""
    text = wording.body(notifications("MUG", path="/admin/x/"), 7)
    assert "/admin/" not in text
    assert text.endswith("open Notifications in the back office.\n")

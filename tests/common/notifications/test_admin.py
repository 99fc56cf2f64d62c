"""Staff choose what they hear of, and see whether mail arrives."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.test import Client
from django.urls import reverse

from common.notifications.admin import EXPLAINED, RecipientForm
from common.notifications.models import Mode, Subscription, Topic
from tests.back_office import send, staff, text_of, told
from tests.common.notifications.conftest import SEEN, staff_member
from tests.common.notifications.smtp import mail_server, use
from tests.running import free_port

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

LIST = "/admin/notifications/recipient/"


def page_of(user: User, action: str = "change") -> str:
    return reverse(f"admin:notifications_recipient_{action}", args=[user.pk])


@pytest.fixture
def browser() -> Client:
    """That of a clerk with an address, who may see everything."""
    browser = staff(*SEEN)
    User.objects.update(email="clerk@example.com")
    return browser


@pytest.fixture
def me(browser) -> User:
    return User.objects.get(username="clerk")


@pytest.fixture
def colleague() -> User:
    return staff_member("colleague", {})


def chosen(user: User) -> dict[str, str]:
    return dict(Subscription.objects.filter(user=user).values_list("topic", "mode"))


def test_a_clerk_chooses_what_to_hear_of(browser, me):
    page = send(browser, page_of(me), "recipient_form", out="at_once", slipped="daily")
    assert told(page) == ["Saved what clerk hears of."]
    assert page.request["PATH_INFO"] == page_of(me)
    assert chosen(me) == {Topic.OUT: Mode.AT_ONCE, Topic.SLIPPED: Mode.DAILY}
    page = send(browser, page_of(me), "recipient_form", out="")
    assert chosen(me) == {Topic.SLIPPED: Mode.DAILY}


def test_the_menu_leads_everybody_to_their_own_page(browser, me):
    assert LIST in text_of(browser.get("/admin/"))
    assert browser.get(LIST).headers["Location"] == page_of(me)
    text = text_of(browser.get(page_of(me)))
    assert "Mail goes to <strong>clerk@example.com</strong>" in text
    for topic in Topic:
        assert str(topic.label) in text
        assert str(EXPLAINED[topic]) in text


def test_every_topic_can_be_chosen():
    assert list(RecipientForm.base_fields) == list(Topic)


def test_what_somebody_may_not_see_cannot_be_chosen(browser, me):
    assert "This needs the permission" not in text_of(browser.get(page_of(me)))
    me.user_permissions.remove(*Permission.objects.exclude(codename="view_batch"))
    Subscription.objects.create(user=me, topic=Topic.LOW, mode=Mode.DAILY)
    text = text_of(browser.get(page_of(me)))
    assert text.count("This needs the permission to view stock levels.") == 3
    assert text.count("This needs the permission to view webhook") == 1
    assert "the permission to view batches" not in text
    send(browser, page_of(me), "recipient_form", out="at_once", low="", slipped="daily")
    assert chosen(me) == {Topic.LOW: Mode.DAILY, Topic.SLIPPED: Mode.DAILY}  # low as it was


def test_what_nobody_offers_is_refused(browser, me):
    page = browser.post(page_of(me), {"out": "every_second"})
    assert "every_second is not one of the available choices" in text_of(page)
    assert chosen(me) == {}


def test_nobody_sees_or_changes_what_others_hear_of(browser, colleague):
    assert browser.get(page_of(colleague)).status_code == 302
    assert browser.post(page_of(colleague), {"out": "at_once"}).status_code == 302
    assert browser.post(page_of(colleague, "test")).status_code == 404
    assert chosen(colleague) == {}
    assert mail.outbox == []


def test_who_is_not_logged_in_or_no_staff_comes_to_no_page(me, colleague):
    assert "/login/" in Client().get(page_of(me)).headers["Location"]
    assert "/login/" in Client().post(page_of(me, "test")).headers["Location"]
    User.objects.update(is_staff=False)
    stranger = Client()
    stranger.force_login(colleague)
    assert "/login/" in stranger.get(page_of(colleague)).headers["Location"]


def test_a_superuser_sees_and_changes_what_all_hear_of(admin_client, me, colleague):
    User.objects.create_user("customer")
    Subscription.objects.create(user=me, topic=Topic.LOW, mode=Mode.DAILY)
    text = text_of(admin_client.get(LIST))
    assert "Low stock" in text
    assert "colleague@example.com" in text
    assert "customer" not in text
    send(admin_client, page_of(colleague), "recipient_form", ledger="at_once")
    assert chosen(colleague) == {Topic.LEDGER: Mode.AT_ONCE}
    history = text_of(admin_client.get(page_of(colleague, "history")))
    assert "Ledger differences" in history


def test_the_list_asks_as_often_for_many_as_for_one(admin_client, django_assert_max_num_queries):
    for number in range(30):
        user = User.objects.create_user(f"clerk-{number}", is_staff=True)
        Subscription.objects.create(user=user, topic=Topic.LOW, mode=Mode.DAILY)
    with django_assert_max_num_queries(9):
        text_of(admin_client.get(LIST))


def test_nobody_is_added_or_deleted_here(admin_client, colleague):
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(page_of(colleague, "delete"), {"post": "yes"}).status_code == 403


def test_without_an_address_the_page_says_so_and_offers_no_test(browser, me):
    User.objects.update(email="")
    text = text_of(browser.get(page_of(me)))
    assert "No e-mail address is on file" in text
    assert "Send a test mail" not in text
    page = browser.post(page_of(me, "test"), follow=True)
    assert told(page) == ["The test mail was not sent. No e-mail address is on file."]


def test_a_test_mail_is_sent_now(browser, me):
    assert f'action="{page_of(me, "test")}"' in text_of(browser.get(page_of(me)))
    page = browser.post(page_of(me, "test"), follow=True)
    assert told(page) == [
        "A test mail is on its way to clerk@example.com. Look whether it arrives."
    ]
    assert [message.to for message in mail.outbox] == [["clerk@example.com"]]


def test_looking_at_the_page_sends_nothing(browser, me):
    text_of(browser.get(page_of(me)))
    assert browser.get(page_of(me, "test")).status_code == 405
    assert mail.outbox == []


def test_a_test_mail_that_fails_says_why(browser, me, settings):
    use(settings, free_port())
    page = browser.post(page_of(me, "test"), follow=True)
    assert told(page) == [
        "The test mail was not sent. The mail server cannot be reached: Connection refused."
    ]
    with mail_server(settings, RCPT="550 No such user"):
        page = browser.post(page_of(me, "test"), follow=True)
    assert told(page) == [
        "The test mail was not sent. The mail server refuses the address: 550 No such user."
    ]

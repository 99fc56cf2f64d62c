"""The back office as a browser meets it, without a browser."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import Model


def staff(*permissions: str, name: str = "clerk") -> Client:
    """The browser of somebody who may do what is named, and nothing else."""
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def page_of(row: Model, action: str = "change") -> str:
    """The address of a row's page."""
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{action}", args=[row.pk])


def text_of(page: Any) -> str:
    """The page's HTML, which must have been shown."""
    assert page.status_code == 200, (page.status_code, page.headers.get("Location"))
    return page.content.decode()


def filled_in(page: Any, form_id: str, **entered: Any) -> dict[str, Any]:
    """What a browser sends for a form of the page after somebody has entered some values."""
    reader = FormReader(form_id)
    reader.feed(text_of(page))
    assert reader.values, f"the page has no form {form_id!r}"
    unknown = entered.keys() - reader.values.keys() - reader.empty_boxes
    assert not unknown, f"the form has no fields {unknown}"
    return reader.values | entered


def send(client: Client, address: str, form_id: str, **entered: Any) -> Any:
    """Open a page, enter some values into its form, send it, and follow to the answer."""
    data = filled_in(client.get(address), form_id, **entered)
    return client.post(address, data, follow=True)


def errors_on(page: Any) -> dict[str, list[str]]:
    """The sentences on the page's form, by field; ``__all__`` for the form as a whole."""
    text_of(page)
    context = page.context
    form = context["adminform"].form if "adminform" in context else context["form"]
    assert all(str(one) for field in form.errors.values() for one in field)
    return {name: list(sentences) for name, sentences in form.errors.items()}


def told(page: Any) -> list[str]:
    """The messages at the top of the page."""
    return [str(message) for message in page.context["messages"]]


class FormReader(HTMLParser):
    """Collects the values of one form's fields."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.values: dict[str, Any] = {}
        self.empty_boxes: set[str] = set()
        self._is_inside = False
        self._select = self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._is_inside = given.get("id") == self.form_id
        if not self._is_inside:
            return
        name = given.get("name") or ""
        match tag:
            case "input":
                self._take_input(name, given)
            case "select":
                self._select = name
            case "option" if "selected" in given or self._select not in self.values:
                self.values[self._select] = given.get("value") or ""  # the first, if none is chosen
            case "textarea":
                self._textarea = name
                self.values[name] = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.values[self._textarea] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._textarea = ""
        if tag == "form":
            self._is_inside = False

    def _take_input(self, name: str, given: Mapping[str, str | None]) -> None:
        if given.get("type") == "radio":
            self.values.setdefault(name, "")  # a browser sends nothing, which is the same
        if given.get("type") == "checkbox" and "checked" not in given:
            self.empty_boxes.add(name)
        is_box = given.get("type") in {"checkbox", "radio"}
        if name and given.get("type") != "submit" and (not is_box or "checked" in given):
            self.values[name] = given.get("value") or ("on" if is_box else "")

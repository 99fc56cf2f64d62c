"""Which endpoint carries out an operation: the one that the same request alone would reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from django.urls import Resolver404, resolve

from common.api.atomic.lids import NOT_YET
from common.api.bodies import ReadsDocuments
from common.api.errors import ReadOnly, RelatedNotFound
from common.api.links import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common.api.atomic.shape import Operation


@dataclass(frozen=True, slots=True)
class Target:
    """A view, and what of it is asked for."""

    view_class: type[ReadsDocuments]
    action_map: Mapping[str, str]
    action: str
    method: str
    path: str
    kwargs: Mapping[str, str]


def target_of(operation: Operation, address: str) -> Target:
    """Where an operation leads. ``address`` is the one that the document was sent to.

    Refuses with 404 where there is no endpoint, with 403 where it has nothing of the kind.
    """
    path = _path(operation, address)
    try:
        match = resolve(path)
    except Resolver404 as error:
        raise _nothing_there(operation) from error
    view_class = getattr(match.func, "cls", None)
    if not (isinstance(view_class, type) and issubclass(view_class, ReadsDocuments)):
        raise _nothing_there(operation)
    actions: Mapping[str, str] = match.func.actions  # type: ignore[attr-defined]  # as DRF sets it
    method = _method(operation, actions, match.kwargs)
    if method.lower() not in actions:
        raise ReadOnly(f"There is no {operation.op!r} here.", pointer=operation.pointer)
    return Target(view_class, actions, actions[method.lower()], method, path, match.kwargs)


def _method(operation: Operation, actions: Mapping[str, str], kwargs: Mapping[str, Any]) -> str:
    """An action of a resource may be called an update of it."""
    is_action = "pk" in kwargs and actions.keys() == {"post"}
    return "POST" if is_action and operation.op == "update" else operation.method


def _path(operation: Operation, address: str) -> str:
    if operation.href is not None:
        return _path_of_link(operation, operation.href, address)
    if operation.ref is None:
        kind, pk = operation.data["type"], operation.data.get("id", NOT_YET)
        return _joined(kind) if operation.op == "add" else _joined(kind, pk)
    own = (operation.ref["type"], operation.ref.get("id", NOT_YET))
    if operation.is_of_relationship:
        return _joined(*own, "relationships", operation.ref["relationship"])
    return _joined(*own)


def _joined(*segments: str) -> str:
    return "/".join([PREFIX, *(quote(segment, safe="", errors="replace") for segment in segments)])


def _path_of_link(operation: Operation, href: str, address: str) -> str:
    """The path of a link as answers give it, or of what follows the API's own prefix."""
    try:
        link, own = urlsplit(urljoin(address, href)), urlsplit(address)
    except ValueError:
        operation.refuse("'href' is no address.", "href")
    if (link.scheme, link.netloc) != (own.scheme, own.netloc):
        operation.refuse("'href' leads elsewhere.", "href")
    if link.query or link.fragment:
        operation.refuse("'href' has no query and no fragment.", "href")
    path = unquote(link.path)
    return path if path.startswith(f"{PREFIX}/") else f"{PREFIX}{path}"


def _nothing_there(operation: Operation) -> RelatedNotFound:
    places = (name for name in ("href", "ref", "data") if name in operation.sent)
    return RelatedNotFound(
        "There is nothing at this address.", pointer=f"{operation.pointer}/{next(places)}"
    )

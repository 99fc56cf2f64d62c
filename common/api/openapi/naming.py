"""What operations are called: in programs (``listProducts``) and in words ("List products")."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Final

from common.api.openapi.answers import singular
from common.api.openapi.described import description_of
from common.api.views import ResourceView

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS: Final = {
    "create": "create",
    "retrieve": "get",
    "partial_update": "update",
    "destroy": "delete",
}
RELATIONSHIPS: Final = {
    ("relationship", "GET"): "get{0}{1}Relationship",
    ("change_relationship", "PATCH"): "update{0}{1}Relationship",
    ("refuse_relationship", "POST"): "addTo{0}{1}Relationship",
    ("refuse_relationship", "DELETE"): "removeFrom{0}{1}Relationship",
    ("related", "GET"): "get{0}{1}",
}


def operation_id(view: Any, action: str, method: str, related: str = "") -> str:
    """Unique in the document, and stable: programs are generated from it."""
    one = singular(view.serializer_class)
    if named := description_of(getattr(view, action, None)).operation_id:
        return named
    if action in {"list", "export"}:
        return f"{action}{_joined(view.resource_type.split('-'))}"
    if (action, method) in RELATIONSHIPS:
        return RELATIONSHIPS[action, method].format(one, _joined(related.split("_")))
    verb = VERBS.get(action) or action
    first, *others = verb.split("_")
    return first + _joined(others) + one


def tag(view: Any) -> str:
    """The heading under which the operations of a resource type stand."""
    return str(view.resource_type).replace("-", " ").capitalize()


def texts(view: Any, action: str, method: str, related: str = "") -> dict[str, str]:
    """Summary and description: the action's docstring, or what is usual for such an action."""
    function = getattr(type(view), action)
    own = function is not getattr(ResourceView, action, None) and function.__doc__
    if not own:
        return {"summary": _usual(view, action, method, related)}
    summary, _, description = inspect.cleandoc(own).partition("\n\n")
    summary = " ".join(summary.split()).removesuffix(".")
    return {"summary": summary} | ({"description": description} if description else {})


def _usual(view: Any, action: str, method: str, related: str) -> str:
    one = _words(singular(view.serializer_class))
    other = related.replace("_", " ")
    article = "an" if one[0] in "aeiou" else "a"
    match action, method:
        case "list", _:
            return f"List {view.resource_type.replace('-', ' ')}"
        case "related", _:
            return f"Get the {other} of {article} {one}"
        case "relationship", _:
            return f"Get the {other} linkage of {article} {one}"
        case "change_relationship", _ if view.relationships[related]:
            return f"Link {article} {one} to another {other}, or to none"
        case "change_relationship" | "refuse_relationship", _:
            return f"Always refused: the {other} of {article} {one} is not changed like this"
    verb = VERBS.get(action, action.replace("_", " "))
    return f"{verb.capitalize()} {article} {one}"


def _joined(words: Sequence[str]) -> str:
    return "".join(word.capitalize() for word in words)


def _words(name: str) -> str:
    """``StockLevel`` as "stock level"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()

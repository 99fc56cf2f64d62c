"""What schemathesis must know of our API beyond its OpenAPI document.

Which values are valid where no schema can say it, which rows exist, and which refusals of a
well-formed request depend on the state of things.
"""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import count
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import RejectedPositiveData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import Case, HookContext, Response

# Values


def gtin(digits: str) -> str:
    """The digits with their check digit behind them."""
    weighted = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(digits[::-1]))
    return f"{digits}{-weighted % 10}"


lengths = st.sampled_from([7, 11, 12, 13])
numbers = lengths.flatmap(lambda length: st.text("0123456789", min_size=length, max_size=length))
schemathesis.openapi.format("gtin", numbers.map(gtin))
schemathesis.openapi.format("slug", st.from_regex(r"\A[a-z0-9]{1,12}(-[a-z0-9]{1,12})?\Z"))
urls = st.from_regex(r"\Ahttps?://[a-z]{1,9}\.test(/[a-z]{1,9})?\Z")
schemathesis.openapi.format("iri", urls)
schemathesis.openapi.format("uri", urls)

# Rows that exist: their ids are taken from answers

KEPT = 12  # of each type
SAFE = 3  # of those, from deletion
ENDS = ("confirm", "extend", "release", "ship")
SOUND_KEY = re.compile(r"[!-+\-.-~]{1,255}")
turns = count()
rows: dict[str, list[str]] = defaultdict(list)
NAMED_BY = {
    "product_id": "products",
    "category_id": "categories",
    "category": "categories",
    "parent_id": "categories",
    "parent": "categories",
    "location": "locations",
    "from_location": "locations",
    "to_location": "locations",
}


def some_row(resource_type: str, action: str = "") -> str | None:
    """Each of the known rows in its turn, and now and then none.

    What ends a reservation has reservations of its own; what fills a location leaves some empty.
    """
    turn = next(turns)
    known = rows[resource_type]
    if resource_type == "locations":
        known = known[:SAFE]
    elif action in ENDS:
        known = known[ENDS.index(action) :: len(ENDS)]
    return known[turn % len(known)] if known and turn % 5 else None


def some_victim(resource_type: str) -> str | None:
    """A row that others can do without, each in its turn: one may be in use."""
    known = rows[resource_type][SAFE:]
    return known[next(turns) % len(known)] if known else None


@schemathesis.hook
def after_call(_context: HookContext, case: Case, response: Response) -> None:
    """Learn which rows there are."""
    if response.status_code == 204:
        for known in rows.values():
            if case.path_parameters.get("id") in known:
                known.remove(case.path_parameters["id"])
    elif response.status_code in {200, 201} and is_document(response):
        for kind, row in named_in(response.json()):
            known = rows[kind]
            if row not in known and len(known) < KEPT:
                known.append(row)


def is_document(response: Response) -> bool:
    """JSON, and no lines of it as in an export."""
    label, _, _ = response.headers["content-type"][0].partition(";")
    return label.endswith(("/json", "+json"))


def named_in(value: Any) -> Iterator[tuple[str, str]]:
    """Type and id of every resource that a document names, and every SKU."""
    if isinstance(value, list):
        for member in value:
            yield from named_in(member)
    elif isinstance(value, dict):
        if isinstance(value.get("type"), str) and isinstance(value.get("id"), str):
            yield value["type"], value["id"]
        if isinstance(value.get("sku"), str):
            yield "sku", value["sku"]
        for member in value.values():
            yield from named_in(member)


@schemathesis.hook
def before_call(_context: HookContext, case: Case, _kwargs: dict[str, Any]) -> None:
    """Aim at rows that exist, say numbers as they must be, send each Idempotency-Key once."""
    if case.meta is None:
        return
    follows_links = case.meta.phase.name == TestPhase.STATEFUL
    if (
        "id" in case.path_parameters
        and not follows_links
        and is_valid(case, ParameterLocation.PATH)
    ):
        kind, action = case.path.split("/")[3], case.path.rsplit("/", 1)[-1]
        row = some_victim(kind) if case.method == "DELETE" else some_row(kind, action)
        case.path_parameters["id"] = row or case.path_parameters["id"]
    if is_valid(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        aim_body(case.body, case.path_parameters.get("id"))
    if is_valid(case, ParameterLocation.QUERY):
        case.query.update({name: without_exponent(value) for name, value in case.query.items()})
    aim = getattr(case.meta.phase.data, "parameter_location", None)
    if "If-Match" in case.headers and aim != ParameterLocation.HEADER and next(turns) % 8:
        case.headers["If-Match"] = "*"
    if SOUND_KEY.fullmatch(case.headers.get("Idempotency-Key", "")):
        case.headers["Idempotency-Key"] = f"key-{next(turns)}"


def is_valid(case: Case, location: ParameterLocation) -> bool:
    assert case.meta is not None
    component = case.meta.components.get(location)
    return component is None or component.mode.is_positive


def aim_body(body: dict[str, Any], own_id: str | None) -> None:
    data = body.get("data")
    resource = data if isinstance(data, dict) else {}
    if own_id and "id" in resource and "attributes" in resource:
        resource["id"] = own_id
    for attributes in (body, resource.get("attributes")):
        aim_attributes(attributes if isinstance(attributes, dict) else {})
    relationships = resource.get("relationships")
    for relationship in relationships.values() if isinstance(relationships, dict) else ():
        linkage = relationship.get("data") if isinstance(relationship, dict) else None
        if isinstance(linkage, dict) and "type" in linkage:
            linkage["id"] = some_row(linkage["type"]) or linkage["id"]


def aim_attributes(attributes: dict[str, Any]) -> None:
    for name, value in attributes.items():
        if name == "sku" and "name" not in attributes:  # otherwise it is a new product's own
            attributes[name] = some_row("sku") or value
        elif name in NAMED_BY and isinstance(value, str):
            attributes[name] = some_row(NAMED_BY[name]) or value
        elif name == "price" and isinstance(value, float):
            attributes[name] = max(0.01, round(value, 2))
        elif name == "lines" and isinstance(value, list):
            for line in value:
                aim_attributes(line if isinstance(line, dict) else {})
        elif isinstance(value, float) and value.is_integer():
            attributes[name] = int(value)  # JSON Schema takes 5.0 for an integer, we do not


def without_exponent(value: Any) -> Any:
    return f"{value:.2f}" if isinstance(value, float) else value


# Refusals of what is well-formed

OF_THE_STATE = {
    "below_reserved",
    "exceeds_ordered",
    "insufficient_stock",
    "location_required",
    "not_on_hand",
    "precondition_failed",  # If-Match names another version than the row's
    "precondition_required",
    "quantity_limit",
}
OF_A_LINE = {"404", "409", "428"}
"""Statuses of their own that errors have in an answer about many lines."""
CONTRADICTIONS = {
    # One parameter excludes another, or a value another value of it, or only we can make it.
    ("invalid_parameter", "as_of"),
    ("invalid_parameter", "min_sequence"),
    ("invalid_parameter", "page"),
    ("invalid_parameter", "size"),
    ("invalid_parameter", "page[after]"),
    ("invalid_parameter", "page[number]"),
    ("invalid_parameter", "sort"),
    # Two attributes contradict each other, or one contradicts the rows.
    ("invalid", "quantity"),
    ("invalid", "quantity_delta"),
    ("invalid", "reason"),
    ("invalid", "parent"),
    ("invalid", "parent_id"),
    ("invalid", "data"),
    ("invalid", "to_location"),
    ("invalid", "last_sequence"),
    ("invalid", "status"),
    ("invalid", "eta"),
}


@schemathesis.hook
def filter_failure(_context: HookContext, failure: Any, case: Case, response: Response) -> bool:
    """Whether the failure is one: not when no schema could have told the two cases apart."""
    if isinstance(failure, AcceptedNegativeData):
        # 412 is a refusal too, decided by If-Match; [""] reaches us as the empty list.
        excused = [is_empty_list(parameter) for parameter in case.query.items()]
        return response.status_code != 412 and not any([*excused, has_at_member(case.body)])
    if not isinstance(failure, RejectedPositiveData):
        return True
    if case.path.endswith("/operations"):  # what each of them takes stands with its own address
        return False
    return not all(is_excused(error) for error in response.json()["errors"])


def is_empty_list(parameter: tuple[str, Any]) -> bool:
    name, value = parameter
    return name.startswith(("fields[", "include")) and value in ("", [""])


def has_at_member(value: Any) -> bool:
    """Whether there is a member that the standard wants ignored, and the document passes over."""
    if isinstance(value, list):
        return any(map(has_at_member, value))
    if not isinstance(value, dict):
        return False
    return any(name.startswith("@") or has_at_member(one) for name, one in value.items())


def is_excused(error: dict[str, Any]) -> bool:
    source = error.get("source", {})
    place = source.get("parameter") or source.get("pointer", "").rsplit("/", 1)[-1]
    is_of_a_line = error["status"] in OF_A_LINE
    return is_of_a_line or error["code"] in OF_THE_STATE or (error["code"], place) in CONTRADICTIONS

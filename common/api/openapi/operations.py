"""One operation of the document: a method at an address of a resource type."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from drf_spectacular.openapi import AutoSchema

from common.access.permissions import HasScope
from common.api.openapi import naming
from common.api.openapi.answers import Answers, is_to_many, linkage
from common.api.openapi.components import Components, Schema
from common.api.openapi.described import description_of
from common.api.openapi.exports import exported
from common.api.openapi.parameters import in_headers, in_path, in_query
from common.api.openapi.requests import Input, any_linkage, linkage_content
from common.api.openapi.responses import refusals, success

if TYPE_CHECKING:
    from drf_spectacular.plumbing import ComponentRegistry

OF_RELATIONSHIPS: Final = {"relationship", "change_relationship", "refuse_relationship"}
REFUSED_WITH: Final = {
    "list": (),
    "export": (),
    "retrieve": (404,),
    "create": (404, 409, 422),
    "partial_update": (404, 409, 412, 422),
    "destroy": (404, 409, 412),
    "related": (404,),
    "relationship": (404,),
    "change_relationship": (404, 409, 412, 422),
    "refuse_relationship": (404, 409),
}
ACTION_REFUSED_WITH: Final = (404, 409, 412, 422)


class ResourceSchema(AutoSchema):
    """Where the generator asks a view's operation of us."""

    def get_operation(
        self,
        path: str,
        path_regex: str,
        path_prefix: str,
        method: str,
        registry: ComponentRegistry,
    ) -> Schema:
        view: Any = self.view
        is_of_relationship = view.action in {*OF_RELATIONSHIPS, "related"}
        related = path.rsplit("/", 1)[-1] if is_of_relationship else ""
        view.kwargs = {"related_field": related}
        return Operation(view, method, related, Components(registry)).described()


class Operation:
    """What is known of one operation: a view that stands ready for it, and the method."""

    def __init__(self, view: Any, method: str, related: str, components: Components) -> None:
        self.view = view
        self.action: str = view.action
        self.method = method
        self.related = related
        self.components = components
        self.answers = Answers(components, view.get_serializer_class())
        self.said = description_of(getattr(view, self.action))

    def described(self) -> Schema:
        texts = naming.texts(self.view, self.action, self.method, self.related)
        operation: Schema = {
            "operationId": naming.operation_id(self.view, self.action, self.method, self.related),
            **texts,
            "description": "\n\n".join([*filter(None, [texts.get("description")]), self._scope()]),
            "tags": ["Relationships" if self._is_of_linkage else naming.tag(self.view)],
            "parameters": self._parameters(),
            "responses": self._responses(),
        }
        if body := self._body():
            operation["requestBody"] = body
        return operation

    @cached_property
    def _is_of_linkage(self) -> bool:
        return self.action in OF_RELATIONSHIPS

    @cached_property
    def _field(self) -> Any:
        """The serializer's field of the relationship that the address names."""
        return self.answers.fields[self.related]

    @cached_property
    def _is_refused(self) -> bool:
        """Whether it is here only to say no, as the standard wants it."""
        writable = self.view.relationships.get(self.related, False)
        return self.action == "refuse_relationship" or (
            self.action == "change_relationship" and not writable
        )

    def _scope(self) -> str:
        (permission,) = self.view.get_permissions()  # an action may need another one
        assert isinstance(permission, HasScope)  # noqa: S101  or the document would be silent
        scope = permission.read_scope if self.method == "GET" else permission.write_scope
        return f"Needs the scope `{scope}`."

    # The request

    def _parameters(self) -> list[Schema]:
        allowed = self.view.allowed_parameters()
        has_row = self.action not in {"list", "create", "export"}
        return [
            *([in_path(self.components)] if has_row else []),
            *in_query(self.components, allowed, self.view.filterset_class.base_filters),
            *(
                {"name": name, "in": "query", **self.view.own_parameters[name]}
                for name in allowed.own_parameters
            ),
            *in_headers(self.components, self.method, one=self._has_version),
        ]

    @cached_property
    def _has_version(self) -> bool:
        """Whether it is about a single resource, which has an ETag."""
        if self.action == "related":
            return not is_to_many(self._field)
        is_action = self.said.takes is not None
        return is_action or self.action in {"retrieve", "partial_update", "destroy"}

    def _body(self) -> Schema:
        if self.method not in {"POST", "PATCH"}:
            return {}
        if self._is_of_linkage:
            data = any_linkage() if self._is_refused else linkage(self.components, self._field)
            return {"required": self.method == "PATCH", "content": linkage_content(data)}
        taken = self._input()
        is_usual = self.action in {"create", "partial_update"}
        return {"required": is_usual or taken.is_needed, "content": taken.content()}

    def _input(self) -> Input:
        own = Answers(self.components, self.view.serializer_class)  # whatever the answer is of
        match self.action:
            case "create":
                return Input(own, self.view.create_serializer_class, own.name + "Input", "create")
            case "partial_update":
                declared = self.view.update_serializer_class
                return Input(own, declared, own.name + "Changes", "change")
        if self.said.takes is None:
            raise TypeError(f"{self.action} of {self.view}: say @described(takes=...).")
        name = naming.operation_id(self.view, self.action, self.method)
        return Input(own, self.said.takes, name[0].upper() + name[1:], "action")

    # The responses

    def _responses(self) -> Schema:
        usual = REFUSED_WITH.get(self.action, ACTION_REFUSED_WITH)
        refused = refusals(self.components, {*usual, *self.said.also})
        return ({} if self._is_refused else self._successes()) | refused

    def _successes(self) -> Schema:
        match self.action:
            case "list":
                numbered = not self.view.cursor_only
                page = self.answers.collection(
                    self.view.includes, numbered=numbered, meta=self.view.more_meta
                )
                return {"200": success(self.components, "A page of them.", page)}
            case "export":
                return {"200": exported(self.components, self.answers.name, self.view.columns())}
            case "destroy":
                return {"204": success(self.components, "It is gone.")}
            case "related":
                return self._related()
            case "relationship" | "change_relationship":
                document = self.answers.linkage(self.related)
                named = ["Idempotent-Replayed"] if self.method == "PATCH" else []
                return {"200": success(self.components, "The linkage.", document, named)}
        return self._resource()

    def _related(self) -> Schema:
        answers = Answers(self.components, self.view.related_serializer())
        many, null = is_to_many(self._field), self._field.allow_null
        document = answers.related(many=many, null=null)
        named = [] if many or null else ["ETag"]  # null has no version
        found = {"200": success(self.components, "What is there.", document, named)}
        return found if many else found | self._not_modified()

    def _not_modified(self) -> Schema:
        return {"304": success(self.components, "If-None-Match names it.", None, ["ETag"])}

    def _resource(self) -> Schema:
        """One resource: fetched, made, changed, or what an action has made of it."""
        if self.said.is_meta:
            named = ["Idempotent-Replayed"]
            figures = success(self.components, "The figures.", self.answers.meta(), named)
            return {str(self.said.status): figures}
        document = self.answers.one(self.view.includes)
        if self.action == "retrieve":
            found = success(self.components, "The resource.", document, ["ETag"])
            return {"200": found} | self._not_modified()
        status = 201 if self.action == "create" else self.said.status
        named = ["ETag", "Idempotent-Replayed"]
        if status != 201:  # noqa: PLR2004
            return {
                str(status): success(self.components, "The resource as it is now.", document, named)
            }
        made = success(self.components, "It has been made.", document, ["Location", *named])
        answers = {"201": made | {"links": self._links()}}
        if self.said.or_found:
            answers["200"] = success(self.components, "It is there already.", document, named)
        return answers

    def _links(self) -> Schema:
        """What can be done with the resource that was made."""
        methods = {"retrieve": "GET", "partial_update": "PATCH", "destroy": "DELETE"}
        methods |= {action.__name__: "POST" for action in self.view.get_extra_actions()}
        there = [name for name in methods if hasattr(self.view, name)]
        return {
            naming.operation_id(self.view, name, methods[name]): {
                "operationId": naming.operation_id(self.view, name, methods[name]),
                "parameters": {"id": "$response.body#/data/id"},
            }
            for name in there
        }

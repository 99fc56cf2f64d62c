"""The whole document: every address of the URLconf, and what stands above them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator

from common.api.openapi import naming, service
from common.api.openapi.components import Components, Schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Endpoint = tuple[str, str, str, Callable[..., Any]]

METHODS: Final = ("GET", "POST", "PATCH", "DELETE")
RELATED: Final = "{related_field}"
INTRODUCTION: Final = """
What do we sell, how many can I promise, and why is that the number?

**Documents.** Answers are JSON:API 1.1 documents, under the label that `Accept` asks for. A
request is a JSON:API document (`application/vnd.api+json`), or simply an object of attributes
(`application/json`). Every address works with and without a slash at its end.

**Keys.** Send an API key in `X-API-Key`; each operation names the scope that it needs.

**Repetition.** With an `Idempotency-Key`, a POST or PATCH can be sent again without fear: it is
carried out once, and each repetition gets the first answer.

**Versions.** A resource has an `ETag`. Send it as `If-None-Match` to fetch only what is new, as
`If-Match` to change only what you have seen.

**Errors.** Decide by `code`, which is stable; show `detail`; `source` says where the fault lies.
An unknown attribute or parameter is an error, for it is most likely a typing error.
""".strip()
SECURITY: Final[Schema] = {
    "ApiKeyAuth": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "Made by `manage.py create_api_key NAME --scope SCOPE`, or in the admin.",
    }
}


class Endpoints(EndpointEnumerator):
    """Addresses as clients write them: without the optional slash, one for each relationship."""

    def get_api_endpoints(self, patterns: Any = None, prefix: str = "") -> Any:
        endpoints = list(self._spelled_out(self._get_api_endpoints(patterns, prefix)))
        order = list(dict.fromkeys(path for path, *_ in endpoints))
        return sorted(endpoints, key=lambda found: (order.index(found[0]), METHODS.index(found[2])))

    def _spelled_out(self, endpoints: list[Endpoint]) -> Iterator[Endpoint]:
        for path, regex, method, callback in endpoints:
            address = path.rstrip("/")
            if RELATED not in address:
                yield address, regex, method, callback
                continue
            for name in callback.cls.relationships:  # type: ignore[attr-defined]  # as DRF sets it
                yield address.replace(RELATED, name), regex, method, callback


class Generator(SchemaGenerator):
    """drf-spectacular's walk over the URLconf, with our addresses and our frame."""

    endpoint_inspector_cls = Endpoints

    def get_schema(self, request: Any = None, public: bool = False) -> Schema:  # noqa: FBT001, FBT002  its signature
        components = Components(self.registry)
        outside = service.paths(components)
        document: Schema = super().get_schema(request, public)
        document["info"]["description"] = INTRODUCTION
        document["paths"] |= outside
        document["components"]["securitySchemes"] = SECURITY
        document["security"] = [{name: [] for name in SECURITY}]
        document["tags"] = self._tags()
        return document

    def _tags(self) -> list[Schema]:
        views = dict.fromkeys(callback.cls for *_, callback in self.endpoints or ())
        described: dict[str, str | None] = {}
        for view in views:  # an export stands with its resources
            described.setdefault(naming.tag(view), inspect.getdoc(view))
        return [
            *({"name": name, "description": text} for name, text in described.items()),
            {"name": "Relationships", "description": "Linkage by itself, as JSON:API wants it."},
            {"name": service.TAG, "description": "For machines that look after this one."},
        ]

"""The API as a program meets it, without a server in between."""

from __future__ import annotations

from typing import Final

from django.test import Client

JSON: Final = "application/json"
JSON_API: Final = "application/vnd.api+json"


class ApiClient(Client):
    """Sends its key with every request, and Python values as a JSON:API document.

    ``content_type=JSON`` makes it a plain client; without a body there is no Content-Type.
    Further headers: ``headers={...}``. Fewer parameters than Django's, all it needs.
    """

    def __init__(self, key: str) -> None:
        super().__init__(headers={"X-API-Key": key})
        self.key = key

    def post(self, path, data="", content_type=JSON_API, **more):
        return super().post(path, data, content_type, **more)

    def patch(self, path, data="", content_type=JSON_API, **more):
        return super().patch(path, data, content_type, **more)

    def delete(self, path, data="", content_type=JSON_API, **more):
        return super().delete(path, data, content_type, **more)

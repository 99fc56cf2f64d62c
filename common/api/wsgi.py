"""Django's door to WSGI, hardened against ``Content-Type``."""

from __future__ import annotations

from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters


class Utf8Request(WSGIRequest):
    """Addresses and forms are UTF-8, whatever charset the client writes beside its media type.

    Django would decode them as the client says, and fail on names such as ``hex`` that are codecs
    and no charsets; and it would fail on parameters that cannot be read, before anything else is
    there to answer. Such a media type counts as none.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(
                meta.get("CONTENT_TYPE", "")
            )
        except ValueError:
            self.content_type, self.content_params = "", {}


class Handler(WSGIHandler):
    request_class = Utf8Request

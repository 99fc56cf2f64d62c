"""The application as it is served, to callers who have no more than a second for an answer."""

from config.wsgi import application as application  # noqa: I001, PLC0414 - the rest needs Django

from common.api.exports import sending
from config.web_worker import WebWorker

WebWorker.answer = sending.PIECE_SECONDS = 1.0  # type: ignore[misc]

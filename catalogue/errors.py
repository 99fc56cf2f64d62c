"""What the catalogue refuses."""

from __future__ import annotations

from common.errors import DomainError


class NotYetProjected(DomainError):
    """The documents have not come as far as the reader has; they will in a moment."""

    code = "not_yet_projected"
    status = 503
    is_kept = False

"""Refusals: a business rule said no. Not a crash, and never logged as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class DomainError(Exception):
    """An operation refuses, before its first write.

    ``code`` is stable and listed in docs/api.md; ``detail`` is a sentence for a person and says
    what to do next; ``meta`` holds the figures, so that every door can put them in its own words.
    ``attribute`` names the input that the refusal is about, when there is one; inside a list by
    its place: ``lines/0/sku``.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 422
    is_kept: ClassVar[bool] = True
    """Whether a retry of the same request gets the same refusal again (RULES I6)."""

    def __init__(self, detail: str, *, attribute: str | None = None, **meta: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.attribute = attribute
        self.meta = meta
        self.others: Sequence[DomainError] = ()
        self.is_counted = False
        """Whether Prometheus has been told of it (``common.observability.refusals``)."""

    @property
    def problems(self) -> Sequence[DomainError]:
        """Every problem found: the refusal itself, or one for each line of a list."""
        return [self, *self.others]


def together(refusals: Sequence[DomainError]) -> DomainError:
    """Refusals of one status as one: the first of them, which tells of the others too."""
    first, *others = refusals
    first.others = others
    return first


class NotFound(DomainError):
    """The named thing, or a thing it refers to, does not exist (any more)."""

    code = "not_found"
    status = 404


class Duplicate(DomainError):
    """Something with the same business key exists already."""

    code = "duplicate"
    status = 409


class Invalid(DomainError):
    """A value that a rule does not allow, decided before anything is looked up."""

    code = "invalid"
    is_kept = False


class VersionMismatch(DomainError):
    """The thing has changed since the caller saw it."""

    code = "precondition_failed"
    status = 412

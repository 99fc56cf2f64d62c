"""Refusals are counted where an operation raises them: once, whichever door they came in by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from common.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import Counter

P = ParamSpec("P")
R = TypeVar("R")

counters: Final[dict[str, Counter]] = {}
"""For the operations of an app, by its package: a counter with the label ``code``. Apps register
theirs in ``AppConfig.ready()``."""


def counting_refusals(operation: Callable[P, R]) -> Callable[P, R]:
    """The operation, which counts what it refuses, if its app wants that."""
    app = operation.__module__.partition(".")[0]

    def counted(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return operation(*args, **kwargs)
        except DomainError as refusal:
            count_refusal(app, refusal)
            raise

    return counted


def count_refusal(app: str, refusal: DomainError) -> None:
    """Count a refusal, unless an operation inside this one has done so.

    For one that is not raised out of its operation, but told of one line among others.
    """
    if app in counters and not refusal.is_counted:
        refusal.is_counted = True
        counters[app].labels(refusal.code).inc()

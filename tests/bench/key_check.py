"""What it costs to recognise an API key: ``python -m tests.bench.key_check KEY``, as JSON.

Run in the server's own environment, by ``tests.bench.singles``.
"""

from __future__ import annotations

import json
import os
import sys
from statistics import fmean
from time import perf_counter_ns
from typing import Final

CHECKS: Final = 20_000


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    print(json.dumps(_measured(sys.argv[1])))


def _measured(key: str) -> dict[str, float]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from common.access.verification import forget_findings, verify

    verify(key)  # also notes the use, which it does once a minute
    forget_findings()
    with CaptureQueriesContext(connection) as cold:
        verify(key)
    with CaptureQueriesContext(connection) as warm:
        verify(key)
    times = []
    for _ in range(CHECKS):
        began = perf_counter_ns()
        verify(key)
        times.append(perf_counter_ns() - began)
    return {"mean": fmean(times) / 1_000, "cold": len(cold), "warm": len(warm)}


if __name__ == "__main__":
    main()

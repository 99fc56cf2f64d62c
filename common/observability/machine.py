"""How busy and full the machine is, read without waiting."""

from __future__ import annotations

from typing import Any, Final

import psutil

LEAST_SECONDS: Final = 1.0
"""Processor time that a share must be of; over less, it would say nothing."""


class Machine:
    """Remembers the last reading: how busy the machine is can only be said since then.

    psutil would do that too, but for each thread by itself.
    """

    def __init__(self) -> None:
        self._idle, self._total = _processor_seconds()
        self._busy_percent = 0.0

    def figures(self) -> dict[str, Any]:
        memory, disk = psutil.virtual_memory(), psutil.disk_usage("/")
        return {
            "cpu": {"usage_percent": self._usage(), "count": psutil.cpu_count()},
            "memory": {
                "total_mb": memory.total // 2**20,
                "available_mb": memory.available // 2**20,
                "used_percent": memory.percent,
            },
            "disk": {
                "total_gb": round(disk.total / 2**30, 1),
                "free_gb": round(disk.free / 2**30, 1),
                "used_percent": disk.percent,
            },
        }

    def _usage(self) -> float:
        idle, total = _processor_seconds()
        passed, idled = total - self._total, idle - self._idle
        if passed >= LEAST_SECONDS:
            self._idle, self._total = idle, total
            self._busy_percent = round(100 * min(1.0, max(0.0, 1 - idled / passed)), 1)
        return self._busy_percent


def _processor_seconds() -> tuple[float, float]:
    """Idle and in all, of all processors together, since the machine started."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    counted_twice = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return idle, sum(times) - counted_twice


machine: Final = Machine()

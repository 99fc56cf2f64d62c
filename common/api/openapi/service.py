"""The addresses outside the API, which speak plain JSON: /health and /ready (API.md §7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.api.openapi.answers import object_of
from common.api.openapi.responses import headers

if TYPE_CHECKING:
    from common.api.openapi.components import Components, Schema

TAG = "Service"
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number", "minimum": 0}
PERCENT: Schema = {"type": "number", "minimum": 0, "maximum": 100}


def paths(components: Components) -> Schema:
    """Path by path, what a machine that looks after us can ask."""
    health = components.schema("Health", _health)
    readiness = components.schema("Readiness", _readiness)
    return {
        "/health": _asked(
            components,
            "checkHealth",
            "Whether the process answers; nothing that it depends on is asked",
            {"200": ("It answers.", health)},
        ),
        "/ready": _asked(
            components,
            "checkReadiness",
            "Whether requests should be sent here now",
            {
                "200": ("Ready, or degraded: all that is needed works.", readiness),
                "503": ("Without a database, or about to stop.", readiness),
            },
        ),
    }


def _asked(
    components: Components, operation_id: str, summary: str, answers: dict[str, tuple[str, Schema]]
) -> Schema:
    responses = {
        status: {
            "description": description,
            "headers": {"X-Request-ID": headers(components, ())["X-Request-ID"]},
            "content": {"application/json": {"schema": schema}},
        }
        for status, (description, schema) in answers.items()
    }
    operation = {
        "operationId": operation_id,
        "summary": summary,
        "tags": [TAG],
        "security": [],
        "responses": responses,
    }
    return {"get": operation}


def _health() -> Schema:
    return object_of(
        {
            "status": {"const": "healthy"},
            "service": TEXT,
            "timestamp": {"type": "string", "format": "date-time"},
            "uptime_seconds": NUMBER,
        }
    )


def _readiness() -> Schema:
    finding = object_of(
        {
            "status": {"type": "string", "enum": ["healthy", "unhealthy", "not_configured"]},
            "message": TEXT,
        }
    )
    checks = dict.fromkeys(("database", "migrations", "cache", "broker", "catalogue"), finding)
    return object_of(
        {
            "status": {"type": "string", "enum": ["ready", "degraded", "not_ready"]},
            "service": TEXT,
            "version": TEXT,
            "uptime_seconds": NUMBER,
            "checks": object_of(checks | {"system": _system()}),
        }
    )


def _system() -> Schema:
    return object_of(
        {
            "cpu": object_of(
                {"usage_percent": PERCENT, "count": {"type": ["integer", "null"], "minimum": 1}}
            ),
            "memory": object_of(
                {"total_mb": NUMBER, "available_mb": NUMBER, "used_percent": PERCENT}
            ),
            "disk": object_of({"total_gb": NUMBER, "free_gb": NUMBER, "used_percent": PERCENT}),
        }
    )

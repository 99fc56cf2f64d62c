"""Every metric that this code counts itself, under the name by which Prometheus knows it.

What is counted is bounded: a route is a pattern of ours, never an address; a status, a code, a
task are names in this code. Figures that are read from the database when Prometheus asks are in
``gauges``.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from common.observability import values

values.take_over()

SECONDS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Upper bounds of the buckets; 50 and 100 ms are what we promise."""
LONG_SECONDS: Final = (0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 600.0)
"""For what nobody waits for."""

http_request_duration: Final = Histogram(
    "http_request_duration_seconds",
    "Time to answer a request, until its last byte is handed to the web server.",
    ["route", "method", "status"],
    buckets=SECONDS,
)
http_requests_in_progress: Final = Gauge(
    "http_requests_in_progress",
    "Requests being answered now.",
    multiprocess_mode="livesum",
)
web_threads: Final = Gauge(
    "web_threads",
    "Threads that answer requests; with as many requests in progress, others wait.",
    multiprocess_mode="livesum",
)
rpc_request_duration: Final = Histogram(
    "rpc_request_duration_seconds",
    "Time to answer a call over gRPC, from when a thread took it.",
    ["method", "code"],
    buckets=SECONDS,
)
rpc_requests_in_progress: Final = Gauge(
    "rpc_requests_in_progress",
    "Calls over gRPC being answered now.",
    multiprocess_mode="livesum",
)
rpc_threads: Final = Gauge(
    "rpc_threads",
    "Threads that answer calls over gRPC; with as many calls in progress, others wait.",
    multiprocess_mode="livesum",
)
cache_reads: Final = Counter(
    "cache_reads",
    "Products asked of the cache, by what came back: hit, miss, unavailable.",
    ["result"],
)
idempotent_requests: Final = Counter(
    "idempotent_requests",
    "Requests that may be sent twice, by outcome: applied, replayed, in_progress, key_reused; "
    "not_kept are those that were refused before they did anything.",
    ["outcome"],
)
stock_refusals: Final = Counter(
    "stock_refusals",
    "Changes that a rule refused, by the stable code of the refusal.",
    ["code"],
)
stock_lock_wait: Final = Histogram(
    "stock_lock_wait_seconds",
    "Time until the stock levels of an operation were locked, or given up, or the change was taken "
    "along by another one; a round trip included.",
    buckets=SECONDS,
)
database_transaction_duration: Final = Histogram(
    "database_transaction_duration_seconds",
    "Time from BEGIN to the end of a transaction that may write.",
    ["outcome"],
    buckets=SECONDS,
)
database_connections: Final = Gauge(
    "database_connections_open",
    "Connections to PostgreSQL that this process holds: one for each thread that has needed one.",
    multiprocess_mode="livesum",
)
slow_queries: Final = Counter(
    "slow_queries",
    "Statements that took longer than SLOW_QUERY_MS; the log has each.",
)
webhook_attempts: Final = Counter(
    "webhook_attempts",
    "Attempts to deliver a webhook, by outcome: delivered, failed, given_up.",
    ["outcome"],
)
events_published: Final = Counter(
    "events_published",
    "Events that RabbitMQ has confirmed.",
)
catalogue_delay: Final = Histogram(
    "catalogue_delay_seconds",
    "Time from when something happened to a product until its document in the catalogue showed it.",
    buckets=(*SECONDS, 60.0, 600.0),
)
messages_handled: Final = Counter(
    "messages_handled",
    "Messages of other systems, by outcome: handled, repeated, again, dead.",
    ["outcome"],
)
celery_task_duration: Final = Histogram(
    "celery_task_duration_seconds",
    "Time that a task took, by outcome: succeeded, failed, retried.",
    ["task", "outcome"],
    buckets=LONG_SECONDS,
)
lists_read: Final = Counter(
    "lists_read",
    "Lists of the API, by the database that they were read from: replica, primary.",
    ["database"],
)
replica_lag: Final = Gauge(
    "replica_lag_seconds",
    "How late the read replica is; +Inf while it is left alone.",
    ["database"],
    multiprocess_mode="livemax",
)
celery_task_wait: Final = Histogram(
    "celery_task_wait_seconds",
    "Time from when a task was sent until a worker began with it; not of those put off on purpose.",
    ["queue"],
    buckets=LONG_SECONDS,
)
duty_last_run: Final = Gauge(
    "duty_last_run_timestamp_seconds",
    "When a duty of relay or consumer was done last, be it in vain.",
    ["duty"],
    multiprocess_mode="max",
)

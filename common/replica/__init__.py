"""Lists of the API from a read replica, where one is configured (DATABASE_REPLICA_URL).

A replica lags. What that may cost is decided here, in one place:

- only what says so may be read there: the page of a collection (``reading.tolerating_lag``);
- a client never misses its own writes, nor what ``GET /events`` told it: it is noted how far the
  primary had come then (``positions``), and the replica must have come as far;
- a replica that is away, frozen or far behind is left alone until it is well (``standing``), and
  whatever goes wrong there, the primary is read instead.

Why it is done like this: docs/adr/0024.
"""

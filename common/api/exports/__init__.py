"""All rows of a resource type in one answer, for machines: as NDJSON or CSV, in constant memory.

Rows go out in the order of their ids, in pieces that are read one after the other, each by a query
of its own: nothing is held open in PostgreSQL while a client takes its time. The id of a row is
the place behind which the next piece begins, and where a client goes on whose connection broke.
"""

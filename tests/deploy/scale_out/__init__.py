"""A read replica and PgBouncer run for real, and what we promise of them: ``deploy/scale_out.sh``.

Everything is started on this machine: a PostgreSQL with the roles of compose, a second one that
follows it, a PgBouncer with deploy/pgbouncer/pgbouncer.ini in front of both, a Redis, and the
application behind gunicorn. Then the promises are tried one after the other.
"""

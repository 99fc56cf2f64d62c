#!/bin/sh
# Runs a read replica and PgBouncer for real, on this machine, and tries what is promised of them:
# one line for each promise, exit code 1 if one is broken. Needs what `make test` installs, and
# PgBouncer (Debian: apt install pgbouncer). --help names the options.
cd "$(dirname "$0")/.." || exit
[ -x .venv/bin/python ] || make .venv/development || exit
exec .venv/bin/python -m tests.deploy.scale_out "$@"

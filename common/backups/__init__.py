"""The database as one file, and back: pg_dump and pg_restore, with what each needs around it."""

-- Run once, as superuser, when the database's volume is empty.
--
-- The owner makes and alters the tables and is used by migrations alone. The application's own
-- role reads and writes rows, which `manage.py migrate` lets it do: it cannot alter a table, nor
-- switch off the ledger's trigger, nor TRUNCATE the ledger. Neither is a superuser.

\set ON_ERROR_STOP on
\getenv owner_password DATABASE_OWNER_PASSWORD
\getenv app_password DATABASE_PASSWORD

CREATE ROLE stockroom_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE stockroom LOGIN PASSWORD :'app_password';
GRANT stockroom TO stockroom_owner;  -- so that it can set the defaults of that role
CREATE DATABASE stockroom OWNER stockroom_owner;
REVOKE ALL ON DATABASE stockroom FROM PUBLIC;
GRANT CONNECT ON DATABASE stockroom TO stockroom;

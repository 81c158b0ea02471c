-- Run once, by the superuser, when the volume is empty: the database of Helios, its
-- owner, and the role that Grafana reads with. Whoever sees a dashboard can send any
-- SQL through that role, so it can read and do nothing else.

\set ON_ERROR_STOP on
\getenv helios_password HELIOS_DB_PASSWORD
\getenv grafana_password GRAFANA_DB_PASSWORD

CREATE ROLE helios LOGIN PASSWORD :'helios_password';
CREATE ROLE grafana LOGIN PASSWORD :'grafana_password' CONNECTION LIMIT 20;
CREATE DATABASE helios OWNER helios ENCODING 'UTF8' TEMPLATE template0;

-- Nobody connects who isn't named, and nobody else makes temporary tables.
REVOKE ALL ON DATABASE helios FROM PUBLIC;
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
GRANT CONNECT ON DATABASE helios TO grafana;

ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '30s';
ALTER ROLE grafana SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE grafana SET lock_timeout = '5s';
-- Compiling a dashboard's query takes longer than running it.
ALTER ROLE grafana SET jit = off;

\connect helios

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO helios;
GRANT USAGE ON SCHEMA public TO grafana;
-- Helios makes its tables itself, these and those of versions to come.
ALTER DEFAULT PRIVILEGES FOR ROLE helios IN SCHEMA public GRANT SELECT ON TABLES TO grafana;

-- A session can leave read-only transactions, and everybody may write large objects.
REVOKE EXECUTE ON FUNCTION lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea) FROM PUBLIC;

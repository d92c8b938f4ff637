"""Runs nginx with deploy/nginx.conf itself: only its user, its addresses and its certificate are replaced."""

import os
import shutil
import ssl
import subprocess
from pathlib import Path

import requests

from tests.processes import ROOT, Process, free_port
from tests.stack import Stack

_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"


class Nginx(Process):
    """nginx before the two web processes and the two relays of a deployment, with a certificate for localhost."""

    def __init__(self, stack: Stack, directory: Path) -> None:
        directory.mkdir()
        self.certificate = directory / "fullchain.pem"
        self._port = free_port()
        self._directory = directory
        self.url = f"https://localhost:{self._port}"
        program = shutil.which("nginx", path=_PATH)
        assert program, "nginx is missing: see tests/install.sh"
        _certify(directory)
        (directory / "nginx.conf").write_text(self._rendered(stack))
        command = [program, "-p", f"{directory}/", "-c", f"{directory}/nginx.conf", "-g", "daemon off;"]
        super().__init__("nginx", command, log=directory / "nginx.log")

    @property
    def trusted(self) -> ssl.SSLContext:
        """Returns a context that trusts the certificate."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5, verify=str(self.certificate)).ok
        except requests.RequestException:
            return False

    def _rendered(self, stack: Stack) -> str:
        doors = dict(zip(("127.0.0.1:8080", "127.0.0.1:8082"), stack.urls("web"), strict=True))
        doors |= dict(zip(("127.0.0.1:8090", "127.0.0.1:8092"), stack.urls("realtime"), strict=True))
        replaced = {address: url.removeprefix("http://") for address, url in doors.items()} | {
            "user www-data;": "user root;" if os.geteuid() == 0 else "",  # only root may change its user
            "pid /run/nginx.pid;": f"pid {self._directory}/nginx.pid;",
            "http {": f"http {{ {_places(self._directory)}",
            "listen 443 ssl;": f"listen 127.0.0.1:{self._port} ssl;",
            "/etc/im/tls": str(self._directory),
        }
        text = (ROOT / "deploy" / "nginx.conf").read_text()
        for old, new in replaced.items():
            assert text.count(old) >= 1, old
            text = text.replace(old, new)
        return text


def _places(directory: Path) -> str:
    """Returns where nginx keeps bodies: Debian's places are for root alone."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{kind}_temp_path {directory}/{kind};" for kind in kinds)


def _certify(directory: Path) -> None:
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(directory / "privkey.pem"), "-out", str(directory / "fullchain.pem")]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subprocess.run(["openssl", "req", "-x509", *key, *files, *names], check=True, capture_output=True)

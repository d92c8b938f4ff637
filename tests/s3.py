"""A private S3, by moto's server."""

import sys
import uuid
from pathlib import Path

import boto3
import requests
from botocore.config import Config

from tests.processes import Process, free_port

_PLAIN = Config(proxies={}, signature_version="s3v4", s3={"addressing_style": "path"})
KEY, SECRET = "the key of the tests", "the secret of the tests, known to everybody"


class S3Server(Process):
    """An S3 that forgets everything when it ends. It keeps its port over restarts."""

    def __init__(self, directory: Path) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)]
        super().__init__("s3", command, log=directory / "s3.log")

    def ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/moto-api/data.json", timeout=5).ok
        except requests.RequestException:
            return False

    def create_bucket(self) -> dict[str, str]:
        """Make a bucket. Returns the settings of a process that keeps its uploads below a prefix of it."""
        name = f"im-test-{uuid.uuid4().hex[:12]}"
        client(self.url).create_bucket(Bucket=name)
        return {
            "MEDIA_STORAGE": f"s3://{name}/a/prefix",
            "S3_ENDPOINT": self.url,
            "S3_ACCESS_KEY_ID": KEY,
            "S3_SECRET_ACCESS_KEY": SECRET,
        }


def client(url: str) -> "boto3.client":
    """Returns Amazon's own client, which knows nothing of this project."""
    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=_PLAIN, **keys)

"""A client of the gRPC door, compiled against any version of the proto."""

from pathlib import Path
from typing import Any

import grpc
from google.protobuf import message_factory

from tests.processes import ROOT
from tests.rpc.protos import HERE, compiled
from tests.stack import SERVICE_TOKEN

ORIGINAL = HERE / "original.proto"
ORIGINAL_GROUP = HERE / "original_group.proto"
OURS = ROOT / "rpc" / "message.proto"
OUR_GROUP = ROOT / "rpc" / "group.proto"
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", 16 * 1024 * 1024)]


class Client:
    """A client that calls methods by their names: `client.SendMessage(from_user_id=1, …)`."""

    def __init__(
        self,
        address: str,
        proto: Path = OURS,
        token: str | None = SERVICE_TOKEN,
        credentials: Any = None,
        metadata: Any = (),
    ) -> None:
        (self._service,) = compiled(proto).services_by_name.values()
        self._metadata = [("authorization", f"Bearer {token}")] if token else list(metadata)
        self.channel = (
            grpc.secure_channel(address, credentials, OPTIONS)
            if credentials
            else grpc.insecure_channel(address, OPTIONS)
        )

    def __getattr__(self, method: str) -> Any:
        return lambda timeout=30, **fields: self.start(method, timeout, **fields).result()

    def start(self, method: str, timeout: float = 30, **fields: Any) -> Any:
        """Start a call. Returns its future. `timeout` is in seconds."""
        found = self._service.methods_by_name[method]
        request, response = map(message_factory.GetMessageClass, (found.input_type, found.output_type))
        raw = request(**fields).SerializeToString()
        return self.raw(f"/{self._service.full_name}/{method}", raw, timeout, response.FromString)

    def raw(self, path: str, request: bytes, timeout: float = 30, deserialize: Any = None) -> Any:
        """Start a call with any bytes as its request. Returns its future."""
        call = self.channel.unary_unary(path, None, deserialize)
        return call.future(request, timeout=timeout, metadata=self._metadata)


def refused(future: Any) -> tuple[str, str]:
    """Returns the status and the im-code with which a call was refused."""
    error = future.exception()
    assert error is not None, f"answered: {future.result()}"
    return error.code().name, dict(future.trailing_metadata() or ()).get("im-code", "")

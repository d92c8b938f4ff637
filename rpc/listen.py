"""The address and the TLS of this door. Beyond loopback it does not start without tokens or client certificates."""

import ipaddress
import ssl
from pathlib import Path

import grpc

from infra import logs
from infra.settings import Settings

log = logs.get(__name__)


class NotStarted(Exception):
    """The door cannot start; the text says why, in one line."""


def listen(server: grpc.Server, chosen: Settings) -> int:
    """Bind to RPC_BIND. Returns the port. Raises NotStarted."""
    credentials = _credentials(chosen)
    _check(chosen, encrypted=credentials is not None)
    try:
        if credentials is None:
            return server.add_insecure_port(chosen.rpc_bind)
        return server.add_secure_port(chosen.rpc_bind, credentials)
    except RuntimeError as error:
        raise NotStarted(f"{chosen.rpc_bind} cannot be bound; another address is chosen with RPC_BIND=...") from error


def _check(chosen: Settings, *, encrypted: bool) -> None:
    if is_loopback(chosen.rpc_bind):
        if not (chosen.rpc_service_tokens or chosen.rpc_tls_client_ca or chosen.rpc_legacy_callers):
            told = log.debug if chosen.embedded else log.warning  # an embedded trial run has no calling services
            told("nobody_is_let_in", reason="set RPC_SERVICE_TOKENS")
        return
    if not (chosen.rpc_service_tokens or chosen.rpc_tls_client_ca):
        raise NotStarted(f"beyond loopback ({chosen.rpc_bind}) set RPC_SERVICE_TOKENS or RPC_TLS_CLIENT_CA")
    if not encrypted:
        log.warning("tokens_travel_in_clear", address=chosen.rpc_bind)


def is_loopback(address: str) -> bool:
    """Returns whether only this machine can reach an address (host:port). Raises NotStarted if it is not an address."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise NotStarted(f"RPC_BIND is host:port, not {address}")
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _credentials(chosen: Settings) -> grpc.ServerCredentials | None:
    files = (chosen.rpc_tls_key, chosen.rpc_tls_certificate)
    if not any(files) and not chosen.rpc_tls_client_ca:
        return None
    if not all(files):
        raise NotStarted("RPC_TLS_CERTIFICATE and RPC_TLS_KEY are both needed")
    key, certificate = map(_read, files)
    _must_match(chosen)
    ca = _read(chosen.rpc_tls_client_ca) if chosen.rpc_tls_client_ca else None
    return grpc.ssl_server_credentials([(key, certificate)], ca, require_client_auth=ca is not None)


def _must_match(chosen: Settings) -> None:
    """Raise NotStarted when key and certificate do not match: gRPC itself would only say that it cannot bind."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chosen.rpc_tls_certificate, chosen.rpc_tls_key)
    except ssl.SSLError as error:
        raise NotStarted(f"RPC_TLS_CERTIFICATE and RPC_TLS_KEY do not belong together: {error.reason}") from error


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise NotStarted(str(error)) from error

"""Tests of the addresses on which the gRPC door listens, and of the callers that it accepts."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from messaging.errors import Refused
from rpc.auth import LEGACY, Callers
from tests.processes import free_port, wait_until
from tests.rpc.client import OPTIONS, ORIGINAL, Client, refused
from tests.rpc.conftest import MakeDoor
from tests.stack import SERVICE_TOKEN, RpcDoor, Stack

TOKEN = "a token that this test has made up"


def ended(process: RpcDoor) -> str:
    """Launch a door that must not start. Returns the last line that it prints."""
    process.launch()
    wait_until(lambda: not process.running, "it to end")
    assert process.exit_code == 1
    return process.output().splitlines()[-1]


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "im.example"])
def test_beyond_loopback_nobody_comes_in_unproven(door: MakeDoor, host: str) -> None:
    process = door(RPC_BIND=f"{host}:{free_port()}", RPC_SERVICE_TOKENS="")
    assert ended(process).startswith("not started: beyond loopback")


def test_beyond_loopback_legacy_callers_need_a_token_too(door: MakeDoor) -> None:
    process = door(RPC_BIND=f"0.0.0.0:{free_port()}", RPC_LEGACY_CALLERS="1", RPC_SERVICE_TOKENS="")
    assert ended(process).startswith("not started: beyond loopback")
    callers = Callers({"gateway": TOKEN}, certified=False, legacy=False)
    assert callers.name([("app", "gateway"), ("token", TOKEN)], {}) == "gateway"
    for metadata in ([], [("app", "gateway")], [("app", "x"), ("token", TOKEN)], [("app", "gateway"), ("token", "x")]):
        with pytest.raises(Refused):
            callers.name(metadata, {})


def test_go_zeros_pair_is_a_token(door: MakeDoor, database: str) -> None:
    process = door(DATABASE_URL=database, RPC_SERVICE_TOKENS=f"gateway:{TOKEN}")
    process.start()
    good, wrong = (
        Client(process.address, ORIGINAL, token=None, metadata=[("app", "gateway"), ("token", token)])
        for token in (TOKEN, "x" * 32)
    )
    assert good.GetUnreadCount(user_id=1).count == 0
    assert refused(wrong.start("GetUnreadCount", user_id=1)) == ("UNAUTHENTICATED", "100008")


def test_a_key_of_another_certificate_is_told_in_one_line(door: MakeDoor, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("one")
    authority.issue("other")
    process = door(RPC_TLS_CERTIFICATE=str(tmp_path / "one.pem"), RPC_TLS_KEY=str(tmp_path / "other.key"))
    assert "RPC_TLS_CERTIFICATE and RPC_TLS_KEY do not belong together" in ended(process)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"RPC_BIND": "8081"}, "RPC_BIND is host:port"),
        ({"RPC_BIND": "127.0.0.1:http"}, "RPC_BIND is host:port"),
        ({"RPC_SERVICE_TOKENS": "a:short"}, "RPC_SERVICE_TOKENS"),
        ({"RPC_SERVICE_TOKENS": TOKEN}, "RPC_SERVICE_TOKENS"),
        ({"RPC_SERVICE_TOKENS": f"a:{TOKEN},a:{TOKEN}"}, "RPC_SERVICE_TOKENS"),
        ({"RPC_TLS_CERTIFICATE": "/nowhere"}, "RPC_TLS_KEY"),
        ({"RPC_TLS_CLIENT_CA": "/nowhere"}, "RPC_TLS_KEY"),
        ({"RPC_TLS_CERTIFICATE": "/nowhere", "RPC_TLS_KEY": "/nowhere"}, "/nowhere"),
        ({"FRIEND_RPC": "127.0.0.1:1"}, "USERCENTER_RPC"),
        ({"JWT_SECRET_KEY": "short"}, "JWT_SECRET_KEY"),
        ({"RPC_SERVICE_TOKENS": "a:" + "t" * 32}, "RPC_SERVICE_TOKENS"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_in_one_line(door: MakeDoor, environment: dict[str, str], said: str) -> None:
    told = ended(door(**environment))
    assert told.startswith("not started: ")
    assert said in told
    assert TOKEN not in told


def test_a_taken_port_is_told_in_one_line(door: MakeDoor, stack: Stack) -> None:
    assert "cannot be bound" in ended(door(RPC_BIND=stack.rpc_address))


def test_without_a_token_loopback_lets_nobody_in(door: MakeDoor) -> None:
    process = door(RPC_SERVICE_TOKENS="")
    process.launch()
    stranger = Client(process.address, token=None)
    grpc.channel_ready_future(stranger.channel).result(30)
    assert refused(stranger.start("GetUnreadCount", user_id=1)) == ("UNAUTHENTICATED", "100008")
    assert "nobody_is_let_in" in process.output()


def test_a_token_is_checked_of_legacy_callers_too(door: MakeDoor, database: str) -> None:
    process = door(DATABASE_URL=database, RPC_LEGACY_CALLERS="1")
    process.start()
    assert Client(process.address, ORIGINAL, token=None).GetUnreadCount(user_id=1).count == 0
    wrong = Client(process.address, ORIGINAL, token="x" * 40)
    assert refused(wrong.start("GetUnreadCount", user_id=1)) == ("UNAUTHENTICATED", "100008")


class Authority:
    """A certificate authority of the tests."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tests -keyout ca.key -out ca.pem")

    def issue(self, name: str) -> tuple[bytes, bytes]:
        """Issue a certificate. Returns its key and the certificate, as PEM."""
        (self.directory / "extensions").write_text("subjectAltName=IP:127.0.0.1")
        self._openssl(f"req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr")
        signing = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions"
        self._openssl(f"x509 -req -in {name}.csr -out {name}.pem {signing}")
        return (self.directory / f"{name}.key").read_bytes(), (self.directory / f"{name}.pem").read_bytes()

    def credentials(self, key: bytes | None = None, certificate: bytes | None = None) -> Any:
        return grpc.ssl_channel_credentials((self.directory / "ca.pem").read_bytes(), key, certificate)

    def settings(self) -> dict[str, str]:
        """Returns the settings of a server that demands certificates of this authority."""
        self.issue("server")
        names = {"RPC_TLS_CERTIFICATE": "server.pem", "RPC_TLS_KEY": "server.key", "RPC_TLS_CLIENT_CA": "ca.pem"}
        return {variable: str(self.directory / name) for variable, name in names.items()}

    def _openssl(self, command: str) -> None:
        subprocess.run(["openssl", *command.split()], cwd=self.directory, check=True, capture_output=True)


def test_mutual_tls(door: MakeDoor, database: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    port = free_port()
    process = door(**authority.settings(), RPC_BIND=f"0.0.0.0:{port}", RPC_SERVICE_TOKENS="", DATABASE_URL=database)
    process.launch()
    address = f"127.0.0.1:{port}"
    known = Client(address, token=None, credentials=authority.credentials(*authority.issue("gateway")))
    grpc.channel_ready_future(known.channel).result(30)
    assert known.GetUnreadCount(user_id=1).count == 0
    assert '"caller": "gateway"' in process.output()
    other = Path(tmp_path / "other")
    other.mkdir()
    forged = Authority(other).issue("gateway")
    for stranger in (
        Client(address),
        Client(address, credentials=authority.credentials()),
        Client(address, credentials=authority.credentials(*forged)),
    ):
        assert refused(stranger.start("GetUnreadCount", timeout=5, user_id=1))[0] == "UNAVAILABLE"


def test_a_certificate_does_not_replace_a_token(door: MakeDoor, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    process = door(**authority.settings())
    process.launch()
    credentials = authority.credentials(*authority.issue("gateway"))
    tokenless = Client(process.address, token=None, credentials=credentials)
    grpc.channel_ready_future(tokenless.channel).result(30)
    assert refused(tokenless.start("GetUnreadCount", user_id=1)) == ("UNAUTHENTICATED", "100008")


def test_the_callers_name_is_its_tokens() -> None:
    callers = Callers({"old": "o" * 32, "new": "n" * 32}, certified=False, legacy=False)
    assert callers.name([("authorization", "Bearer " + "o" * 32)], {}) == "old"
    assert callers.name([("x", "y"), ("authorization", "bearer " + "n" * 32)], {}) == "new"
    for wrong in ("", "Bearer", "Bearer ", "Basic " + "o" * 32, "o" * 32, "Bearer " + "o" * 31, "Bearer " + "o" * 33):
        with pytest.raises(Refused):
            callers.name([("authorization", wrong)], {})
    assert Callers({}, certified=False, legacy=True).name([("authorization", "Bearer x")], {}) == LEGACY


def test_one_line_a_call(stack: Stack, service: Client) -> None:
    service.GetUnreadCount(user_id=1)
    log = next(process for process in stack.processes if isinstance(process, RpcDoor))
    wait_until(lambda: '"caller": "tests"' in log.output(), "the line")
    line = next(line for line in log.output().splitlines() if '"caller": "tests"' in line)
    assert '"method": ' in line
    assert '"ms": ' in line
    assert SERVICE_TOKEN not in log.output()


def test_reflection_is_off_and_needs_a_token_when_on(door: MakeDoor, stack: Stack) -> None:
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    metadata = [("authorization", f"Bearer {SERVICE_TOKEN}")]

    def status(address: str, given: Any) -> str:
        with grpc.insecure_channel(address, options=OPTIONS) as channel:
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            try:
                answer = next(stub.ServerReflectionInfo(iter([asked]), metadata=given, timeout=20))
            except grpc.RpcError as error:
                return str(error.code().name)
            return ",".join(each.name for each in answer.list_services_response.service)

    assert status(stack.rpc_address, metadata) == "UNIMPLEMENTED"
    process = door(RPC_REFLECTION="1")
    process.launch()
    with grpc.insecure_channel(process.address, options=OPTIONS) as channel:
        grpc.channel_ready_future(channel).result(30)
    assert {"message.Message", "group.Group"} <= set(status(process.address, metadata).split(","))
    assert status(process.address, []) == "UNAUTHENTICATED"


def test_health_needs_no_token_and_tells_of_the_migrations(stack: Stack, door: MakeDoor) -> None:
    assert all(process.ready() for process in stack.processes if isinstance(process, RpcDoor))
    unmigrated = door()
    unmigrated.launch()
    wait_until(lambda: "not_ready" in unmigrated.output(), "it to look")
    assert not unmigrated.ready()


def test_metrics(door: MakeDoor, database: str) -> None:
    process = door(DATABASE_URL=database)
    process.start()
    Client(process.address).GetUnreadCount(user_id=1)
    assert process.metric("im_rpc_calls_total", caller="tests", method="GetUnreadCount", status="OK") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_politely(door: MakeDoor, database: str, number: signal.Signals) -> None:
    process = door(DATABASE_URL=database)
    process.start()
    started = time.monotonic()
    os.kill(process.pid, number)
    wait_until(lambda: not process.running, "it to end")
    assert time.monotonic() - started < 4
    assert process.exit_code == 0


def test_it_listens_where_it_is_told(stack: Stack) -> None:
    for process in stack.processes:
        if isinstance(process, RpcDoor):
            links = psutil.Process(process.pid).net_connections()
            found = [link.laddr for link in links if link.status == psutil.CONN_LISTEN]
            # gRPC binds IPv4 addresses on IPv6 sockets.
            listening = {f"{each.ip.removeprefix('::ffff:')}:{each.port}" for each in found}
            assert listening == {process.address, process.metrics_address}

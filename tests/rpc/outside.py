"""The friend service and the user centre of another system, on one real gRPC server that a test can break."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from tests.processes import free_port
from tests.rpc.protos import HERE, message_class

_METHODS = {
    "/friend.Friend/CheckFriendship": ("Pair", "_friendship"),
    "/friend.Friend/CheckBlocked": ("Pair", "_blocked"),
    "/friend.Friend/GetFriendList": ("ListIn", "_list"),
    "/pb.usercenter/getUserInfo": ("UserIn", "_user"),
}


def _make(name: str, **fields: Any) -> Any:
    return message_class(HERE / "outside.proto", name)(**fields)


class Outside(grpc.GenericRpcHandler):
    """A server that answers as IM-Zero's services do. All users in `friends` are friends with each other."""

    def __init__(self) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.friends: dict[int, str] = {}
        self.blocks: set[tuple[int, int]] = set()
        self.malformed = False
        self.lies = False
        self.calls: Counter[str] = Counter()
        self.most_at_once = 0
        self._running = 0
        self._counting = threading.Lock()
        self._goes_on = threading.Event()
        self._goes_on.set()
        self._server: grpc.Server | None = None
        self.start()

    def start(self) -> None:
        """Start or restart the server on the same port."""
        self._server = grpc.server(ThreadPoolExecutor(64), handlers=[self], options=[("grpc.so_reuseport", 0)])
        self._server.add_insecure_port(self.address)
        self._server.start()

    def stop(self) -> None:
        """Stop the server."""
        self.thaw()
        assert self._server
        self._server.stop(0).wait()

    def freeze(self) -> None:
        """Take calls without answering them, until `thaw`."""
        self._goes_on.clear()

    def thaw(self) -> None:
        """Answer all calls again."""
        self._goes_on.set()

    def block(self, one: int, other: int) -> None:
        """Let `one` have blocked `other`."""
        self.blocks.add((one, other))

    def service(self, details: Any) -> Any:
        """Returns the handler of a method, as grpc asks for it."""
        request, name = _METHODS[details.method]

        def answer(asked: Any, context: grpc.ServicerContext) -> Any:
            with self._counting:
                self.calls[details.method.rpartition("/")[2]] += 1
                self._running += 1
                self.most_at_once = max(self.most_at_once, self._running)
            try:
                assert self._goes_on.wait(60)
                return getattr(self, name)(asked, context)
            finally:
                with self._counting:
                    self._running -= 1

        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=message_class(HERE / "outside.proto", request).FromString,
            response_serializer=lambda told: b"\xff\xff\xff" if self.malformed else told.SerializeToString(),
        )

    def _friendship(self, asked: Any, _context: Any) -> Any:
        return _make("Friendship", is_friend={asked.user_id, asked.target_user_id} <= self.friends.keys(), remark="r")

    def _blocked(self, asked: Any, _context: Any) -> Any:
        one, other = asked.user_id, asked.target_user_id
        return _make("Blocked", is_blocked=(other, one) in self.blocks, has_blocked=(one, other) in self.blocks)

    def _list(self, asked: Any, _context: Any) -> Any:
        others = [user for user in self.friends if user != asked.user_id]
        return _make("ListOut", friends=[_make("Friend", user_info=_make("Info", id=user)) for user in others])

    def _user(self, asked: Any, context: grpc.ServicerContext) -> Any:
        if asked.id not in self.friends:  # the status and text of IM-Zero's user centre
            context.abort(grpc.StatusCode.UNKNOWN, "sql: no rows in result set")
        user = asked.id + self.lies
        return _make("UserOut", user=_make("User", id=user, nickname=self.friends[asked.id], avatar="a.png"))

"""A worked example of another service that calls the message service over gRPC, run by tests/journeys/test_rpc.py.

It needs `grpcio`, `protobuf` and the code that protoc generates from rpc/message.proto and rpc/group.proto. This
example imports the copy in this repository; a service of yours generates its own:

    python -m grpc_tools.protoc -I path/to/rpc --python_out=. --pyi_out=. --grpc_python_out=. message.proto group.proto
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import grpc

from rpc.generated import group_pb2
from rpc.generated import message_pb2 as pb
from rpc.generated.group_pb2_grpc import GroupStub
from rpc.generated.message_pb2_grpc import MessageStub

T = TypeVar("T")

_DEADLINE_SECONDS = 5.0
_ATTEMPTS = 2  # each includes gRPC's own retries, below, within its deadline
_BACKOFF = {"maxAttempts": 5, "initialBackoff": "0.2s", "maxBackoff": "2s", "backoffMultiplier": 2}
SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{"service": "message.Message"}],
            "retryPolicy": _BACKOFF | {"retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]},
        },
        {
            # Its calls have no key: after UNAVAILABLE a repeat may make a second group, or a second message.
            "name": [{"service": "group.Group"}],
            "retryPolicy": _BACKOFF | {"retryableStatusCodes": ["RESOURCE_EXHAUSTED"]},
        },
    ]
}
_OPTIONS = [("grpc.service_config", json.dumps(SERVICE_CONFIG))]


@dataclass
class MessageError(Exception):
    """The service refused or failed. `code` is the stable number of docs/protocol.md, 0 when there was none."""

    status: grpc.StatusCode
    code: int
    detail: str


class MessageClient:
    """A client to make once and keep: all threads share its connection. Its calls raise MessageError."""

    def __init__(self, address: str, token: str, *, credentials: grpc.ChannelCredentials | None = None) -> None:
        self._channel = (
            grpc.secure_channel(address, credentials, _OPTIONS)
            if credentials
            else grpc.insecure_channel(address, _OPTIONS)
        )
        self._stub: Any = MessageStub(self._channel)  # type: ignore[no-untyped-call]
        self._groups: Any = GroupStub(self._channel)  # type: ignore[no-untyped-call]
        self._metadata = (("authorization", f"Bearer {token}"),)

    def send(self, from_user_id: int, to_user_id: int, content: str) -> pb.MessageInfo:
        """Send a text. Returns the stored message. The key lets the call be repeated and the text be stored once."""
        request = pb.SendMessageReq(
            from_user_id=from_user_id, to_user_id=to_user_id, content=content, client_msg_id=uuid.uuid4().hex
        )
        answer: pb.SendMessageResp = self._call(self._stub.SendMessage, request)
        return answer.message

    def create_group(self, owner_id: int, name: str, member_ids: list[int]) -> group_pb2.GroupInfo:
        """Make a group of its owner and friends of theirs. Returns it. A call that failed may have made it."""
        request = group_pb2.CreateGroupReq(owner_id=owner_id, name=name, member_ids=member_ids)
        answer: group_pb2.CreateGroupResp = self._call(self._groups.CreateGroup, request, attempts=1)
        return answer.group

    def send_to_group(self, from_user_id: int, group_id: int, content: str) -> pb.MessageInfo:
        """Send a text to a group. Returns the stored message. By SendMessage, which has a key, it is stored once."""
        request = pb.SendMessageReq(
            from_user_id=from_user_id, group_id=group_id, content=content, client_msg_id=uuid.uuid4().hex
        )
        answer: pb.SendMessageResp = self._call(self._stub.SendMessage, request)
        return answer.message

    def history(self, user_id: int, conversation_id: str, *, before_seq: int = 0) -> list[pb.MessageInfo]:
        """Returns a page of the messages that a user sees, ascending: the newest, or those before `before_seq`."""
        request = pb.GetChatHistoryReq(user_id=user_id, conversation_id=conversation_id, before_seq=before_seq)
        answer: pb.GetChatHistoryResp = self._call(self._stub.GetChatHistory, request)
        return list(answer.messages)

    def read(self, user_id: int, conversation_id: str) -> int:
        """Mark a conversation as read. Returns the number of messages that are unread in it now."""
        request = pb.MarkAsReadReq(user_id=user_id, conversation_id=conversation_id)
        answer: pb.MarkAsReadResp = self._call(self._stub.MarkAsRead, request)
        return answer.unread_count

    def push(self, user_id: int, content: str) -> bool:
        """Show a text on a user's open connections, without storing it. Returns whether they had one."""
        message = pb.MessageInfo(to_user_id=user_id, content=content)
        request = pb.PushMessageReq(user_id=user_id, message=message)
        answer: pb.PushMessageResp = self._call(self._stub.PushMessage, request)
        return answer.success

    def __enter__(self) -> "MessageClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._channel.close()

    def _call(self, method: Callable[..., T], request: object, *, attempts: int = _ATTEMPTS) -> T:
        for attempt in range(1, attempts + 1):
            try:
                return method(request, timeout=_DEADLINE_SECONDS, metadata=self._metadata)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED or attempt == attempts:
                    raise _explained(error) from error
        raise AssertionError("unreachable")


def _explained(error: Any) -> MessageError:
    trailers = dict(error.trailing_metadata() or ())
    return MessageError(error.code(), int(trailers.get("im-code", 0)), error.details() or "")

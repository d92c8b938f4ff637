"""The eight methods: each decodes, makes one call, and encodes. rpc/door.py answers what they raise."""

from functools import partial

from grpc import ServicerContext

from actions import directory, send
from actions.poke import poke
from messaging import draft, schemas
from messaging.conversation_id import participants
from messaging.conversations import conversations, unread
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.errors import Code, Refused
from messaging.history import history
from messaging.read import read
from messaging.recall import recall
from rpc import deadline, decode, encode, legacy
from rpc.generated import message_pb2 as pb
from rpc.generated.message_pb2_grpc import MessageServicer
from rpc.push import Pushed, push

_DELETE = {"everyone": delete_for_everyone, "self": delete_for_oneself}


class Servicer(MessageServicer):
    """The service `message.Message` of rpc/message.proto."""

    def SendMessage(self, request: pb.SendMessageReq, context: ServicerContext) -> pb.SendMessageResp:  # noqa: N802
        """Store a message, once for each `client_msg_id` of a sender."""
        user_id, fields = decode.user(request, "from_user_id"), decode.body(schemas.Send(), request)
        sent = send.submit(
            draft.make(user_id, **fields, free=legacy.serves()), too_late=lambda: deadline.too_late(context)
        )
        return pb.SendMessageResp(message=encode.message(sent.message), duplicate=sent.duplicate)

    def GetChatHistory(  # noqa: N802
        self, request: pb.GetChatHistoryReq, context: ServicerContext
    ) -> pb.GetChatHistoryResp:
        """Returns a page of a conversation, in ascending order."""
        fields = decode.body(schemas.HistoryRequest(), request)
        reader, also = _readers(request, fields["conversation_id"])
        found = deadline.read(context, history, user_id=reader, hidden_from=also, **fields)
        return pb.GetChatHistoryResp(messages=map(encode.message, found.messages), has_more=found.has_more)

    def GetConversations(  # noqa: N802
        self, request: pb.GetConversationsReq, context: ServicerContext
    ) -> pb.GetConversationsResp:
        """Returns a page of a user's conversations: those on top first, then by their newest message."""
        user_id, fields = decode.user(request), decode.body(schemas.ConversationsRequest(), request)
        found = directory.named(partial(deadline.read, context), conversations, user_id=user_id, **fields)
        shown = map(encode.conversation, found.conversations)
        return pb.GetConversationsResp(conversations=shown, total=found.total, total_unread=found.total_unread)

    def MarkAsRead(self, request: pb.MarkAsReadReq, context: ServicerContext) -> pb.MarkAsReadResp:  # noqa: N802
        """Mark one message as read, a conversation, or all up to a message."""
        user_id, fields = decode.user(request), decode.body(schemas.ReadRequest(), request)
        done = deadline.write(context, read, user_id=user_id, **fields)
        poke(done.shard)
        return pb.MarkAsReadResp(success=True, read_seq=done.read_seq, unread_count=done.unread_count)

    def DeleteMessage(  # noqa: N802
        self, request: pb.DeleteMessageReq, context: ServicerContext
    ) -> pb.DeleteMessageResp:
        """Delete a message for everyone, or for one user alone."""
        user_id, fields = decode.user(request), decode.body(schemas.DeleteRequest(), request)
        done = deadline.write(context, _DELETE[fields["scope"]], user_id=user_id, message_id=fields["message_id"])
        poke(done.shard)
        return pb.DeleteMessageResp(success=True)

    def RecallMessage(  # noqa: N802
        self, request: pb.RecallMessageReq, context: ServicerContext
    ) -> pb.RecallMessageResp:
        """Recall a message that the user sent within the last RECALL_SECONDS."""
        user_id, fields = decode.user(request), decode.body(schemas.RecallRequest(), request)
        done = deadline.write(context, recall, user_id=user_id, **fields)
        poke(done.shard)
        return pb.RecallMessageResp(success=True)

    def GetUnreadCount(  # noqa: N802
        self, request: pb.GetUnreadCountReq, context: ServicerContext
    ) -> pb.GetUnreadCountResp:
        """Count the unread messages of one conversation, or of all that are neither muted nor hidden."""
        user_id, fields = decode.user(request), decode.body(schemas.UnreadRequest(), request)
        count = deadline.read(context, unread, user_id=user_id, **fields)
        return pb.GetUnreadCountResp(count=count)

    def PushMessage(self, request: pb.PushMessageReq, _context: ServicerContext) -> pb.PushMessageResp:  # noqa: N802
        """Show content on a user's open connections, without storing it."""
        user_id = decode.user(request)
        if not request.HasField("message"):
            if legacy.serves():
                return pb.PushMessageResp(success=False)
            raise Refused(Code.INVALID, fields={"message": ["Is missing."]})
        return pb.PushMessageResp(success=push(user_id, decode.body(Pushed(), request.message)))


def _readers(request: pb.GetChatHistoryReq, conversation_id: str) -> tuple[int, tuple[int, ...]]:
    """Returns the reader's id, and the ids of other users whose hidden messages are left out as well.

    A legacy caller has checked who reads but does not name them: it gets what neither of the two has hidden.
    """
    if request.user_id or not legacy.serves():
        return decode.user(request), ()
    pair = participants(conversation_id)
    if pair is None:
        raise Refused(Code.NO_SUCH_CONVERSATION)
    return pair[0], pair[1:]

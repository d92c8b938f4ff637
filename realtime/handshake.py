"""The WebSocket handshake: `websockets`' sans-I/O protocol checks Flask's request, and writes the 101."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flask import Request, Response
from websockets.datastructures import Headers
from websockets.http11 import Request as Asked
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from realtime.auth import SUBPROTOCOL

_SUBPROTOCOLS = "Sec-Websocket-Protocol"  # as Flask spells it; an empty one counts as none


def accept(request: Request) -> bytes | Response:
    """Returns the bytes of the 101, or the response that refuses a request that is no proper handshake.

    No extension is accepted: compression would cost 100 KB a socket.
    """
    if request.content_length or "Transfer-Encoding" in request.headers:
        return Response("a handshake has no body", 400)  # gunicorn would read it from the socket when that is closed
    protocol = ServerProtocol(select_subprotocol=_choose)
    headers = Headers((name, value) for name, value in request.headers if value.strip() or name != _SUBPROTOCOLS)
    # Whatever version the request says: the hop before may be a proxy that speaks HTTP/1.0 and passes upgrades on.
    answer = protocol.accept(Asked(request.path, headers, request.method, "HTTP/1.1"))
    if protocol.handshake_exc is not None:
        return Response(bytes(answer.body), answer.status_code, list(answer.headers.raw_items()))
    protocol.send_response(answer)
    return b"".join(protocol.data_to_send())


def _choose(_protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Returns our subprotocol if the client offers it, else None: the client is then served without one."""
    return Subprotocol(SUBPROTOCOL) if SUBPROTOCOL in offered else None


class Over(Response):
    """The response after a socket has ended: for it gunicorn writes nothing, and closes the socket."""

    def __call__(self, _environ: dict[str, Any], _start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Raises StopIteration, by which gunicorn's workers end a connection that the application has taken over."""
        raise StopIteration

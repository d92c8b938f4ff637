"""Authentication of the calling service: by token, by certificate, or, for a legacy caller on loopback, by neither."""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from messaging.errors import Code, Refused

LEGACY = "legacy"


class Callers:
    """The services that may call: `tokens` by their names, and with `legacy` also callers without a token.

    `certified` says that the transport refuses callers without a certificate of RPC_TLS_CLIENT_CA.
    """

    def __init__(self, tokens: Mapping[str, str], *, certified: bool, legacy: bool) -> None:
        self._tokens = {name: token.encode() for name, token in tokens.items()}
        self._certified = certified
        self._legacy = legacy

    def name(self, metadata: Sequence[tuple[str, Any]], transport: Mapping[str, Any]) -> str:
        """Returns the caller's name. Raises Refused(UNAUTHENTICATED).

        Where tokens are set, a caller needs one besides its certificate; a legacy caller needs none, but is refused
        with a wrong one. go-zero's clients send a pair, `app` and `token`, instead of a bearer token.
        """
        given = [value for key, value in metadata if key == "authorization"]
        pair = {key: str(value) for key, value in metadata if key in ("app", "token")}
        if self._tokens and not given and pair:
            return self._of_pair(pair.get("app", ""), pair.get("token", ""))
        if self._tokens and (given or not self._legacy):
            return self._of_token(given)
        if self._certified:
            return _common_name(transport)
        if self._legacy:
            return LEGACY
        raise Refused(Code.UNAUTHENTICATED, "no service token is set, so nobody is let in")

    def _of_token(self, given: Sequence[Any]) -> str:
        scheme, _, token = str(given[0]).partition(" ") if len(given) == 1 else ("", "", "")
        # Compare with all of them, so that the time does not show how many were compared.
        found = [name for name, right in self._tokens.items() if hmac.compare_digest(right, token.strip().encode())]
        if scheme.lower() != "bearer" or not found:
            raise Refused(Code.UNAUTHENTICATED, "a service token is required")
        return found[0]

    def _of_pair(self, app: str, token: str) -> str:
        right = self._tokens.get(app)
        if right is None or not hmac.compare_digest(right, token.encode()):
            raise Refused(Code.UNAUTHENTICATED, "app and token are not those of a caller")
        return app


def _common_name(transport: Mapping[str, Any]) -> str:
    names = transport.get("x509_common_name", ())
    return names[0].decode(errors="replace") if names else "certificate without a name"

"""`python -m infra.decoders PARENT SOURCE OUTPUT ANSWER WORK …`: the parent's process, three open files, what to do.

The answer is JSON: the fields of `Found`, or `refused` and `why`.
"""

import errno
import json
import os
import sys
from dataclasses import asdict
from typing import Any, BinaryIO

from infra.decoders.confine import confine
from infra.decoders.examination import examine
from infra.decoders.found import NotThisKind, TooLong
from infra.decoders.thumbnails import thumbnail

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def main(parent: str, source: str, output: str, answer: str, work: str, *arguments: str) -> None:
    """Do one piece of work, and write its answer. Ends with a code other than 0 when the files are not to blame."""
    confine(int(parent))
    with open(int(source), "rb") as read, open(int(output), "r+b") as written, open(int(answer), "wb") as told:
        told.write(json.dumps(_answer(work, read, written, arguments)).encode())


def _answer(work: str, source: BinaryIO, output: BinaryIO, arguments: tuple[str, ...]) -> dict[str, Any]:
    source.seek(0)
    try:
        if work == "thumbnail":
            thumbnail(source, output, *arguments)
            return {}
        kind, metadata = arguments
        return asdict(examine(source, output, kind, clean=metadata == "clean"))
    except TooLong as error:
        return {"refused": "TooLong", "why": str(error)}
    except NotThisKind as error:
        return {"refused": "NotThisKind", "why": str(error)}
    except Exception as error:  # noqa: BLE001 - a library may raise anything at damaged bytes
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            sys.exit(os.EX_TEMPFAIL)
        return {"refused": "NotThisKind", "why": f"{type(error).__name__}: {error}"[:200]}


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Compiles proto files in a pool of the tests' own, so that nothing is shared with the code under test."""

import functools
import tempfile
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

HERE = Path(__file__).parent


@functools.cache
def compiled(path: Path) -> Any:
    """Returns the descriptor of a proto file."""
    with tempfile.NamedTemporaryFile() as out:
        assert not protoc.main(["protoc", f"-I{path.parent}", f"--descriptor_set_out={out.name}", path.name])
        files = descriptor_pb2.FileDescriptorSet.FromString(Path(out.name).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(files.file[0])
    return pool.FindFileByName(path.name)


@functools.cache
def message_class(path: Path, name: str) -> Any:
    """Returns the class of one message of a proto file."""
    return message_factory.GetMessageClass(compiled(path).message_types_by_name[name])

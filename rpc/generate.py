"""Generates the code of the .proto files: `python -m rpc.generate`; with `--check` it names what is out of date.

The code is committed, so that running the service needs no compiler.
"""

import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

_ROOT = Path(__file__).resolve().parent.parent
_WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
_SOURCES = ("rpc/message", "rpc/group", "infra/friend", "infra/usercenter")


def generate(into: Path) -> None:
    """Write the code of every .proto file below `into`, in the packages that import it. Exits when protoc fails."""
    for source in _SOURCES:
        package, _, name = source.rpartition("/")
        # Under the package's name, so that the generated modules import each other from the package.
        paths = [f"-I{package}/generated={_ROOT / package}", f"-I{_WELL_KNOWN}"]
        outputs = [f"--{kind}={into}" for kind in ("python_out", "pyi_out", "grpc_python_out")]
        if protoc.main(["protoc", *paths, *outputs, f"{package}/generated/{name}.proto"]):
            sys.exit(f"{source}.proto was not compiled")


def stale(fresh: Path) -> list[str]:
    """Returns the committed files that differ from those below `fresh`, are missing, or have no source any more."""
    made = {path.relative_to(fresh): path.read_text() for path in fresh.rglob("*.py*")}
    held = {
        path.relative_to(_ROOT): path.read_text()
        for package in {source.rpartition("/")[0] for source in _SOURCES}
        for path in (_ROOT / package / "generated").glob("*_pb2*.py*")
    }
    return sorted(str(path) for path in made.keys() | held.keys() if made.get(path) != held.get(path))


def main() -> None:
    """Generate the code; with `--check`, change nothing, and exit with 1 and the stale files if there are any."""
    if "--check" not in sys.argv[1:]:
        generate(_ROOT)
        return
    with tempfile.TemporaryDirectory() as directory:
        generate(Path(directory))
        if found := stale(Path(directory)):
            sys.exit("\n".join([*(f"{path} is not what its .proto says" for path in found), "run `make generate`"]))


if __name__ == "__main__":
    main()

"""Where a run of the embedded default lives: its directory and its three ports."""

from dataclasses import dataclass
from pathlib import Path

from environs import Env, EnvError, validate

ROOT = Path(__file__).resolve().parent.parent
MARK = "IM_EMBEDDED_RUN"  # in the environment of every process of a run, with the run's directory as its value


class NotStarted(Exception):
    """Why it cannot start, in one line for whoever typed `make run`."""


@dataclass(frozen=True, slots=True)
class Place:
    """`var` holds all that outlives a run; removing it starts anew."""

    var: Path
    port: int
    redis_port: int
    rpc_port: int

    @property
    def mark(self) -> str:
        """What tells this run's processes from all others on the machine."""
        return f"{MARK}={self.var}"


def chosen() -> Place:
    """The place that EMBEDDED_VAR, PORT, EMBEDDED_REDIS_PORT and EMBEDDED_RPC_PORT name.

    Makes its directory, for the owner alone.
    """
    env = Env()
    try:
        place = Place(
            var=Path(env.str("EMBEDDED_VAR", "") or ROOT / "var").absolute(),
            port=env.int("PORT", 8080, validate=validate.Range(1, 65535)),
            redis_port=env.int("EMBEDDED_REDIS_PORT", 6390, validate=validate.Range(1, 65535)),
            rpc_port=env.int("EMBEDDED_RPC_PORT", 8081, validate=validate.Range(1, 65535)),
        )
        place.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (EnvError, OSError) as error:
        raise NotStarted(str(error)) from error
    return place

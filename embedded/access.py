"""The settings by which a process reaches what a run of the embedded service keeps."""

import os

from embedded.keys import keys
from embedded.place import Place


def access(place: Place) -> dict[str, str]:
    """Returns the settings, by the names of their variables. Makes the secrets of a first run. Raises NotStarted."""
    secrets = keys(place.var)
    return {
        "IM_EMBEDDED": "1",
        "JWT_SECRET_KEY": secrets["JWT_SECRET_KEY"],
        "DATABASE_URL": f"sqlite:///{place.var}/im.db",
        "MEDIA_STORAGE": os.environ.get("MEDIA_STORAGE") or f"{place.var}/media",
        "REDIS_URL": f"redis://:{secrets['VALKEY_PASSWORD']}@127.0.0.1:{place.redis_port}/0",
    }

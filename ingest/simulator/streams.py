"""Named random streams: the same seed and name give the same numbers, whatever else is drawn.

A day or an account has a stream of its own, so adding a feature or a day does not reshuffle the rest of the world.
"""

import hashlib
import uuid

import numpy as np


def stream(seed: int, *names: object) -> np.random.Generator:
    """The generator of one named part of the world."""
    digest = hashlib.sha256("/".join([str(seed), *map(str, names)]).encode()).digest()
    words = [int.from_bytes(digest[at : at + 4], "big") for at in range(0, 32, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


def token(seed: int, *names: object, length: int = 16) -> str:
    """A stable pseudonym of `length` hex digits."""
    return hashlib.sha256("/".join(["token", str(seed), *map(str, names)]).encode()).hexdigest()[:length]


def stable_uuid(seed: int, *names: object) -> str:
    """A stable version-4 UUID."""
    raw = hashlib.sha256("/".join(["uuid", str(seed), *map(str, names)]).encode()).digest()[:16]
    return str(uuid.UUID(bytes=raw, version=4))

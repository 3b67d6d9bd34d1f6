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


def fixed_shares(seed: int, *numbers: np.ndarray | int) -> np.ndarray:
    """Uniform shares in [0, 1) that are a function of whole numbers alone: the same numbers, the same share.

    Source: G. L. Steele et al., "Fast splittable pseudorandom number generators" (2014), the finalizer of SplitMix64.
    """
    mixed = np.uint64(seed % 2**64)
    for number in numbers:
        mixed = (mixed + np.asarray(number).astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    return np.asarray(mixed >> np.uint64(11)).astype(np.float64) / 2.0**53


def token(seed: int, *names: object, length: int = 16) -> str:
    """A stable pseudonym of `length` hex digits."""
    return hashlib.sha256("/".join(["token", str(seed), *map(str, names)]).encode()).hexdigest()[:length]


def stable_uuid(seed: int, *names: object) -> str:
    """A stable version-4 UUID."""
    raw = hashlib.sha256("/".join(["uuid", str(seed), *map(str, names)]).encode()).digest()[:16]
    return str(uuid.UUID(bytes=raw, version=4))

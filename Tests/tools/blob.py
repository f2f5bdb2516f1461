"""The blob that the large-layer tests send and expect: counted pieces of 1 MiB, so that a piece
that is lost, doubled or out of place changes the digest."""
import hashlib

CHUNK = 1 << 20


def pieces(size):
    """The blob of that size. Each piece must be used up before the next one is asked for."""
    pattern = bytearray(hashlib.shake_256(b"registry-proxy").digest(CHUNK))
    for start in range(0, size, CHUNK):
        pattern[:8] = start.to_bytes(8, "big")
        yield memoryview(pattern)[:min(CHUNK, size - start)]


def digest(size):
    """Its digest, as registries write it."""
    h = hashlib.sha256()
    for piece in pieces(size):
        h.update(piece)
    return "sha256:" + h.hexdigest()

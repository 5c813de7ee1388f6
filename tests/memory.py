"""How much memory Python takes for something."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager


class Memory:
    """What was taken; the peak is known at the end."""

    peak_bytes = 0


@contextmanager
def memory_traced() -> Iterator[Memory]:
    """Trace what is allocated until the context ends."""
    memory = Memory()
    tracemalloc.start()
    try:
        yield memory
        _, memory.peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

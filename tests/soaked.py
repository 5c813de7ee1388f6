"""The exporter as its command starts it; at SIGUSR1 it tells how many asyncio tasks it has."""

import asyncio
import os
import signal
from types import FrameType

from exporter.__main__ import main


def tell_tasks(_number: int, _frame: FrameType | None) -> None:
    """Write the number to standard output, past all buffers: a signal comes anywhere."""
    os.write(1, f"tasks={len(asyncio.all_tasks())}\n".encode())


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, tell_tasks)
    main()

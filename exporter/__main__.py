"""The program: signals are held before anything else is imported, then the command runs."""

import os
import sys

from exporter.lifetime import program

THREADS_NEEDED = 12
"""About as many as run at a time: signals, the log, readers, looks-up of names, checks of passwords."""


def main() -> None:
    """Run the command that the arguments name."""
    try:
        program.hold()
        _try_threads()
    except RuntimeError:  # Python's own words for it: can't start new thread
        sys.stderr.write(
            f"error: {THREADS_NEEDED} threads cannot be started: the limit of processes and threads "
            "(ulimit -u, or of the container) or of memory (ulimit -v) is too low\n"
        )
        sys.stderr.flush()
        os._exit(1)
    from exporter.cli import main as command  # noqa: PLC0415 - imported after the signals are held

    command()


def _try_threads() -> None:
    """Raise `RuntimeError` if the system does not give this process the threads that it needs."""
    import threading  # noqa: PLC0415 - as above

    release = threading.Event()
    try:
        for _ in range(THREADS_NEEDED):
            threading.Thread(target=release.wait, daemon=True).start()
    finally:
        release.set()


if __name__ == "__main__":
    main()

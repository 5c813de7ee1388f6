"""Scrapes as they are measured, and the static server that is their limit."""

import asyncio
import contextlib
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx


@dataclass
class Scrapes:
    """The costs of scrapes: wall seconds of each, the server's CPU seconds for one, bytes on the wire."""

    wall: list[float]
    cpu: float
    size: int

    @property
    def p50(self) -> float:
        return statistics.median(self.wall)

    @property
    def p99(self) -> float:
        return sorted(self.wall)[int(len(self.wall) * 0.99)]


async def scrape(url: str, count: int, scrapers: int, encoding: str, cpu: Callable[[], float]) -> Scrapes:
    """Scrape `count` times with so many scrapers at once, each on a connection that it keeps."""
    wall: list[float] = []
    sizes: set[int] = set()

    async def one_scraper() -> None:
        async with httpx.AsyncClient(headers={"accept-encoding": encoding}, timeout=600) as client:
            for _ in range(max(1, count // scrapers)):
                began = time.perf_counter()
                async with client.stream("GET", url) as response:
                    response.raise_for_status()
                    sizes.add(sum([len(chunk) async for chunk in response.aiter_raw()]))
                wall.append(time.perf_counter() - began)

    before = cpu()
    await asyncio.gather(*(one_scraper() for _ in range(scrapers)))
    return Scrapes(wall, (cpu() - before) / len(wall), max(sizes))


@contextlib.contextmanager
def static_server(folder: Path) -> Iterator[tuple[str, Callable[[], float]]]:
    """Serve a folder with nginx; yields its address and a function to its CPU seconds."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not nginx:
        raise SystemExit("nginx is needed as the limit of a scrape: install the package nginx-light")
    port = free_port()
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log stderr;\n"
        "events {} http { access_log off; sendfile on;\n"
        f"server {{ listen 127.0.0.1:{port}; root {folder};\n"
        "location /plain { } location /gzip { add_header Content-Encoding gzip; } } }\n"
    )
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        wait_until_open(port)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield f"http://127.0.0.1:{port}", lambda: sum(map(cpu_of, [process.pid, *map(int, children)]))
    finally:
        process.terminate()
        process.wait()


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a process used, to a hundredth."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_open(port: int) -> None:
    """Wait until something listens at the port."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    raise TimeoutError(f"nothing listens at port {port}")

"""A server that stops leaves no connection open behind it."""

import asyncio
import gc
import socket
import warnings

import pytest

from exporter.web.gate import Gate
from exporter.web.server import http_server, listen
from tests.unit.web.clients import GET, app
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def _ended_as_it_accepts(task: asyncio.Task[None]) -> None:
    """Cancel in the turn of the loop behind the one that sees the connection, before the task goes on."""
    loop = asyncio.get_running_loop()

    def next_turn() -> None:
        loop.call_soon(task.cancel)

    loop.call_soon(next_turn)
    await asyncio.wait([task])


async def test_a_connection_that_comes_as_accepting_ends_is_closed() -> None:
    loop = asyncio.get_running_loop()
    with listen("127.0.0.1:0") as listener, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        accepting = loop.create_task(Gate(lambda _: asyncio.Protocol(), None).accept(listener))
        await asyncio.sleep(0)
        with socket.create_connection(listener.getsockname()):
            await _ended_as_it_accepts(accepting)
        del accepting
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


async def test_an_answer_that_its_client_does_not_read_is_cut() -> None:
    listener = listen("127.0.0.1:0")
    server = http_server(app)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listener.getsockname())
        client.sendall(GET.replace(b"/", b"/large", 1))
        [connection] = await until(lambda: list(server.server_state.connections))
        await until(lambda: connection.transport.get_write_buffer_size() > 0)
        server.should_exit = True
        await serving
        assert connection.transport.get_write_buffer_size() == 0
        assert not server.server_state.connections

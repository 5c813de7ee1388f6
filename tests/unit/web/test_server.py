"""The socket that the server listens on."""

import socket

import pytest

from exporter.web.server import listen, shown_address


class TestListen:
    @pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:0", "[::1]:0", ":0"])
    def test_an_address_may_have_each_of_the_usual_forms(self, address: str) -> None:
        with listen(address) as listener:
            port = listener.getsockname()[1]
            hosts = ["127.0.0.1", "::1"] if address == ":0" else [listener.getsockname()[0]]
            for host in hosts:
                socket.create_connection((host, port)).close()

    @pytest.mark.parametrize("address", ["", "127.0.0.1", "1:2:3", ":", ":x", ":65536", ":-1", ":8²", "::1"])
    def test_an_address_of_another_form_is_refused(self, address: str) -> None:
        with pytest.raises(ValueError, match=r"expected HOST:PORT, \[IPV6\]:PORT or :PORT"):
            listen(address)

    def test_listening_tells_of_an_address_that_cannot_be_had(self) -> None:
        with listen("127.0.0.1:0") as listener, pytest.raises(OSError, match="Address already in use"):
            listen(shown_address(listener))

    def test_listening_shows_the_address_as_in_a_url(self) -> None:
        with listen("[::1]:0") as listener:
            assert shown_address(listener) == f"[::1]:{listener.getsockname()[1]}"


@pytest.mark.parametrize("address", ["127.0.0.1:0", ":0"])
def test_no_packet_of_an_answer_waits_for_the_clients_acknowledgement(address: str) -> None:
    """Else a small answer takes 40 ms: Nagle's algorithm meets the client's delayed acknowledgements."""
    with listen(address) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            connection, _ = listener.accept()
            with connection:
                assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

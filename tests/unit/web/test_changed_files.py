"""The web configuration and its certificates change while the server runs."""

import pytest
from structlog.testing import capture_logs

from exporter.web import file as web_file
from exporter.web.file import WebFile
from tests.certificates import Authority
from tests.unit.web.handshakes import shake
from tests.unit.web.written import HASH, Write


class TestChanges:
    """Files that change while the server runs."""

    @staticmethod
    def serial(file: WebFile, signer: Authority) -> object:
        context = file.current().tls
        assert context
        return (shake(context, signer.client_context()).client.getpeercert() or {})["serialNumber"]

    @pytest.fixture
    def own(self, signer: Authority, write: Write) -> WebFile:
        """Return a file in force with a certificate of its own, `own`, and a user."""
        signer.sign("own")
        return WebFile(write(self.text(signer)))

    @staticmethod
    def text(signer: Authority, users: str = f"{{alice: {HASH}}}") -> str:
        pair = f"cert_file: {signer.folder}/own.pem, key_file: {signer.folder}/own.key"
        return f"tls_server_config: {{{pair}}}\nbasic_auth_users: {users}\n"

    def test_changes_of_the_certificate_are_shown_to_the_next_client(
        self, own: WebFile, signer: Authority
    ) -> None:
        before = self.serial(own, signer)
        assert self.serial(own, signer) == before
        signer.sign("own")
        assert self.serial(own, signer) != before

    def test_changes_of_the_certificate_without_its_key_wait_for_the_key(
        self, own: WebFile, signer: Authority
    ) -> None:
        before = self.serial(own, signer)
        old_key = (signer.folder / "own.key").read_bytes()
        signer.sign("own")
        new_key = (signer.folder / "own.key").read_bytes()
        (signer.folder / "own.key").write_bytes(old_key)
        with capture_logs() as logs:
            assert [self.serial(own, signer), self.serial(own, signer)] == [before, before]
        assert [entry["log_level"] for entry in logs] == ["error"]
        (signer.folder / "own.key").write_bytes(new_key)
        assert self.serial(own, signer) != before

    def test_changes_of_users_are_in_force_with_the_next_request(
        self, own: WebFile, signer: Authority, write: Write
    ) -> None:
        assert own.current().users == {b"alice": HASH.encode()}
        write(self.text(signer, f"{{bob: {HASH}}}"))
        assert own.current().users == {b"bob": HASH.encode()}

    @pytest.mark.parametrize("text", ["junk", "", "basic_auth_users: {alice: hunter2}", "a: {"])
    def test_changes_that_cannot_be_used_or_open_the_door_leave_the_old_and_are_logged_once(
        self, own: WebFile, write: Write, text: str
    ) -> None:
        before = own.current()
        write(text)
        with capture_logs() as logs:
            assert [own.current(), own.current()] == [before, before]
        assert [entry["event"] for entry in logs] == ["web configuration not reloaded, the old one stays"]
        assert "hunter2" not in str(logs)

    def test_changes_that_take_users_away_need_a_restart(
        self, own: WebFile, signer: Authority, write: Write
    ) -> None:
        path = write(self.text(signer, "{}"))
        with capture_logs() as logs:
            assert own.current().users
        assert logs[0]["error"].endswith("basic_auth_users can be given up by a restart alone")
        assert WebFile(path).current().users == {}

    @pytest.mark.parametrize("emptied", ["", ", client_allowed_sans: []"])
    def test_changes_that_let_every_client_in_leave_the_old(
        self, signer: Authority, write: Write, emptied: str
    ) -> None:
        signer.sign("own")
        tls = (
            f"cert_file: {signer.folder}/own.pem, key_file: {signer.folder}/own.key, "
            f"client_auth_type: RequireAndVerifyClientCert, client_ca_file: {signer.file}"
        )
        file = WebFile(write(f"tls_server_config: {{{tls}, client_allowed_sans: [scraper.example]}}\n"))
        before = file.current()
        write(f"tls_server_config: {{{tls}{emptied}}}\n")
        with capture_logs() as logs:
            assert file.current() is before
        assert "client_allowed_sans" in logs[0]["error"]

    def test_changes_that_were_bad_are_looked_at_again(
        self, own: WebFile, signer: Authority, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file that the bad configuration named may be there by now, and nothing else has changed."""
        monkeypatch.setattr(web_file, "RETRY_SECONDS", 0.0)
        text = self.text(signer, f"{{bob: {HASH}}}").replace("own", "later")
        write(text)
        assert list(own.current().users) == [b"alice"]
        signer.sign("later")
        assert list(own.current().users) == [b"bob"]

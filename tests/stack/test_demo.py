"""`sendkit-exporter demo`: all that it shows, without a key or a file."""

import re
import signal

from tests.pages import Page
from tests.stack.processes import EXPORTER, Processes, ended_cleanly, scrape, served_at
from tests.waiting import wait_for


def test_the_demo_needs_no_key_and_no_file(processes: Processes) -> None:
    demo = processes.start("demo", [*EXPORTER, "demo", "--web.listen-address", "127.0.0.1:0"])
    wait_for(lambda: demo.lines("msg=listening"))
    demo.url = "http://" + demo.lines("msg=listening")[0].partition("address=")[2].split()[0]
    wait_for(lambda: demo.answers("/-/ready"))
    wait_for(lambda: len(scrape(demo).all_of("sendkit_mailbox_sent_today")) == 200)
    wait_for(lambda: scrape(demo).all_of("sendkit_up", window="7d"))
    ended_cleanly(demo, signal.SIGTERM)


def test_the_demo_shows_its_spike_on_the_first_line_within_30_s(processes: Processes) -> None:
    demo = processes.start("demo", [*EXPORTER, "demo", "--web.listen-address", "127.0.0.1:0"])
    address = served_at(demo, r"The status page: http://(\S+)/")
    demo.url = f"http://{address}"
    bouncing = re.search(r"bounce at a ratio \(.*domain (\S+)\)", demo.log())
    assert bouncing
    expected = re.compile(rf"{re.escape(bouncing[1])} bounces: \d+ of \d+ in 24 h, at least")
    wait_for(lambda: demo.answers() and expected.search(Page(demo.get("/").text).headline), 30)
    page = demo.get("/").text
    assert '<meta http-equiv="refresh" content="5">' in page
    assert bouncing[1] in page.partition('id="incidents"')[2]
    assert demo.lines("incident began")


def test_the_demo_shows_a_revoked_key(processes: Processes) -> None:
    arguments = ["--web.listen-address", "127.0.0.1:0", "--scenario", "key_revoked"]
    demo = processes.start("demo", [*EXPORTER, "demo", *arguments])
    wait_for(lambda: demo.lines("reason=auth"))
    assert all("workspace=acme " in line for line in demo.lines("reason=auth"))
    wait_for(lambda: demo.lines("polls succeed"))

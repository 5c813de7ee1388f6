"""Serve a simulated SendKit API whose time starts at a moment of choice; the command has no flag for it.

As a program: START (ISO 8601) MAILBOXES WORKSPACES SPEED.
"""

import asyncio
import sys
from datetime import datetime

from exporter.commands import demo
from exporter.simulator import Simulation
from exporter.web.server import listen

if __name__ == "__main__":
    start, mailboxes, workspaces, speed = sys.argv[1:]
    simulation = Simulation(
        int(mailboxes),
        workspaces=int(workspaces),
        speed=float(speed),
        profile="own_servers",
        start=datetime.fromisoformat(start),
    )
    asyncio.run(demo.simulate(listen("127.0.0.1:0"), simulation))

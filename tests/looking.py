"""Time that passes for those who wait for memory."""

import asyncio

from exporter.sendkit.budget import Budget


async def look(budget: Budget) -> None:
    """Have the time between two looks pass."""
    budget.look()
    for _ in range(20):
        await asyncio.sleep(0)

"""What tests of the rules share."""

from tests.servers import servers

__all__ = ["servers"]

"""From what the fleet knows to the bytes of a scrape."""

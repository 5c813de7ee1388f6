"""The page for people: what they see of the fleet, worst first, as HTML."""

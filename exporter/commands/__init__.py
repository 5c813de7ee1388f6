"""Commands that end, and the demo."""

"""Polls on our own timer, from discovery to the board that keeps their outcome."""

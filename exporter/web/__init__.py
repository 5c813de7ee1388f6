"""In front of the application: who is let in, by which connection, and how much of it at once."""

"""What is written from the table of rules."""

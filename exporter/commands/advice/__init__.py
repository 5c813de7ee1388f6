"""`advise`: what each threshold would have called for in the last weeks, and which one fits the fleet."""

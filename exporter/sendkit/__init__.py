"""The SendKit API: one client, and a feed for each thing that it can be asked."""

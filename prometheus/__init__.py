"""The alerting and recording rules: a table in Python, and the files that are written from it."""

"""Dashboards for Grafana, and the code that builds them."""

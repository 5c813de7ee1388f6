"""A Prometheus exporter with alerting for SendKit, a cold-e-mail platform."""

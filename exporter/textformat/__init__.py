"""The text format of Prometheus and OpenMetrics: lines of samples, and bodies made of them."""

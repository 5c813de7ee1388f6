"""Every field that is read of the API and every metric that is exposed, each once."""

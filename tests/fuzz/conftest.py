"""How long is fuzzed: briefly with the other tests, by the profile `long` for FUZZ_EXAMPLES a test."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "long",
    deadline=None,  # a busy machine is no failure
    derandomize=False,  # each run looks elsewhere, in CI too
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "20000")),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)

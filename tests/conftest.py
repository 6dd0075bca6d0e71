"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# How fast examples are made depends on what else the machine does, and says nothing of the code.
settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")

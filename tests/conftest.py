"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# How fast examples are made depends on what else the machine does, and says nothing of the code.
settings.register_profile("anew", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Whether a change lands is no matter of luck; `make stress` looks for new examples.
settings.register_profile("same", settings.get_profile("anew"), derandomize=True)
settings.load_profile("same")

"""Settings of the property tests."""

from hypothesis import settings

# A busy machine is no fault of the code under test.
settings.register_profile("without deadline", deadline=None)
settings.load_profile("without deadline")

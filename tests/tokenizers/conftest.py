"""Settings of the property tests."""

from hypothesis import Phase, settings

# A busy machine is no fault of the code under test.
settings.register_profile("without deadline", deadline=None)
# For mutation testing, where a test that fails has done its work: the same examples each time, and none made smaller.
settings.register_profile(
    "mutants", deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("without deadline")

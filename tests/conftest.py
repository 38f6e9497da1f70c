"""Settings of all tests."""

from hypothesis import settings

# Times belong in benchmarks: a busy machine must not make a property look false.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

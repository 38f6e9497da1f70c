"""Settings of all tests."""

import os

from hypothesis import settings

# Times belong in benchmarks: a busy machine must not make a property look false. In CI the examples are the same each
# time, as in Hypothesis' own profile for it; elsewhere every run looks at new ones.
settings.register_profile("untimed", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("untimed")

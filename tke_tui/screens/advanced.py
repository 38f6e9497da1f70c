"""Everything else."""

from __future__ import annotations

from tke_tui.messages import N_
from tke_tui.screens.form import FormScreen


class AdvancedScreen(FormScreen):
    """Everything else: `forms.steps` says what it asks for."""

    form_name = "advanced"
    HELP = N_("""\
# More
Nothing here needs to be touched for an ordinary installation. Parts open with **enter**; the number behind a title says
how many values in it are set.

Steps and handlers that are skipped are not made up for: the rest must be able to do without them.
""")

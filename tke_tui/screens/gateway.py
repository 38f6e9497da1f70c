"""The web console and its certificate."""

from __future__ import annotations

from tke_tui.messages import N_
from tke_tui.screens.form import FormScreen


class GatewayScreen(FormScreen):
    """The web console and its certificate: `forms.steps` says what it asks for."""

    form_name = "gateway"
    HELP = N_("""\
# Console
The console answers on ports 80 and 443 of every master under its name. Without it the platform has an API only.

A certificate of your own must cover the console's name and, with the registry of the platform, that name and the names
below it (`*.registry...`).
""")

"""Where images come from."""

from __future__ import annotations

from tke_tui.messages import N_
from tke_tui.screens.form import FormScreen


class RegistryScreen(FormScreen):
    """Where images come from: `forms.steps` says what it asks for."""

    form_name = "registry"
    HELP = N_("""\
# Registry
All images are pushed to one registry, and the machines pull from there. The platform can bring one along, or use yours.

User and password of an existing registry may both be left empty when it wants none.
""")

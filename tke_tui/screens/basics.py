"""Administrator and high availability."""

from __future__ import annotations

from tke_tui.messages import N_
from tke_tui.screens.form import FormScreen


class BasicsScreen(FormScreen):
    """Administrator and high availability: `forms.steps` says what it asks for."""

    form_name = "basics"
    HELP = N_("""\
# Basics
The **administrator** logs in to the console and to the installed registry.

**High availability** gives console and API server an address that survives the loss of a master:

- *keepalived*: a free address of the masters' network; the masters keep it among themselves.
- *Load balancer*: an existing one, which forwards ports 80, 443 and the port of the API to the masters.
""")

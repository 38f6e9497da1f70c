"""Who checks logins."""

from __future__ import annotations

from tke_tui.messages import N_
from tke_tui.screens.form import FormScreen


class AuthScreen(FormScreen):
    """Who checks logins: `forms.steps` says what it asks for."""

    form_name = "auth"
    HELP = N_("""\
# Logins
The platform keeps users itself, or asks an **OpenID Connect** provider, or both.

The CA certificate is needed when the provider's is not signed by a public CA.
""")

"""Business management, monitoring, audit."""

from __future__ import annotations

from tke_tui.messages import N_
from tke_tui.screens.form import FormScreen


class FeaturesScreen(FormScreen):
    """Business management, monitoring, audit: `forms.steps` says what it asks for."""

    form_name = "features"
    HELP = N_("""\
# Features
**Monitoring** keeps its data in an InfluxDB that is installed along, or in an InfluxDB or Elasticsearch of yours.

**Audit** records the calls of the API in an Elasticsearch of yours; it needs the web console.
""")

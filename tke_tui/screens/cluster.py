"""Kubernetes, networks, features."""

from __future__ import annotations

from tke_tui.messages import N_
from tke_tui.screens.form import FormScreen


class ClusterScreen(FormScreen):
    """Kubernetes, networks, features: `forms.steps` says what it asks for."""

    form_name = "cluster"
    HELP = N_("""\
# Cluster
The **bundle** holds the packages and images of one or more Kubernetes versions.

Each machine gets a slice of the **pod network** that is large enough for its pods. Without a service network of its
own the end of the pod network serves the services. Neither may overlap the network of the machines.
""")

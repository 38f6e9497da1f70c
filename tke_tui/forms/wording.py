"""Findings speak of files (base64, JSON keys); a form has lines to type in, and says so."""

from __future__ import annotations

import re
from dataclasses import replace

from tke_tui.core.model.findings import Finding
from tke_tui.messages import N_

FIXES = {
    "Add it in base64.": N_("Type it."),
    'Add "tke": {} for the built-in one.': N_("Choose one of the two."),
    'Add "tke": {} to install one.': N_("Choose one of the two."),
    'Add "influxDB": {"local": {}}, or remove monitor.': N_("Choose a store, or none."),
    'Add "gateway": {}, or remove audit.': N_("Switch the console on, or audit off."),
    "Add elasticSearch, or remove audit.": N_("Switch audit off and on again."),
    "Move them to the keys username and password beside it.": N_("Move them to user and password below."),
    "Remove one of the two.": N_("Empty one of the two."),
    "Add at least one with ip, username and password.": N_("Paste, import or add one."),
    "Set Config.ha.tke.vip or Config.ha.thirdParty.vip.": N_("Give one under Basics, High availability."),
    "Nothing to do if they let you in; the original needs one of the two.": N_(
        "Nothing to do if they let you in, which a test shows."
    ),
}
"""What to do in a form, by what to do in a file."""

_BASE64 = (
    ("Add it. Write the base64", N_("Paste the PEM text, or type the path of the file.")),
    ("Write the base64 of the password", N_("Type the password again, in clear.")),
    ("Write the base64", N_("Paste the whole PEM text, or type the path of the file.")),
)


def for_forms(finding: Finding) -> Finding:
    """The finding with advice that fits a form; messages and paths stay."""
    fix = FIXES.get(finding.fix, finding.fix)
    for beginning, instead in _BASE64:
        if fix.startswith(beginning):
            fix = instead
    message = re.sub(r"; was it written without base64\?$", "", finding.message)
    if (message, fix) == (finding.message, finding.fix):
        return finding
    return replace(finding, message=message, fix=fix)

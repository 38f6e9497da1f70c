"""`python -m tke_tui` is the `tke-tui` command."""

from tke_tui.cli import main

main()

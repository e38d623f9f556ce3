"""``python -m tallystick`` is ``tally``."""

from __future__ import annotations

from tallystick.cli import main

if __name__ == "__main__":
    main()

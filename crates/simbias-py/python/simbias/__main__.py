"""``python -m simbias`` is the program ``simbias``."""

import sys

from ._program import main

sys.exit(main())

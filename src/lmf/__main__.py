"""``python -m lmf`` is the command ``lmf``."""

import sys

from lmf.cli import main

if __name__ == "__main__":
    sys.exit(main())

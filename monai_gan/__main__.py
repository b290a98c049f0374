"""`python -m monai_gan`: the same as `monai-gan`, for where scripts are not on the path."""

from __future__ import annotations

import sys

from monai_gan.cli import main

if __name__ == "__main__":
    sys.exit(main())

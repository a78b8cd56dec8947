"""`python -m dreamtalk_core.cli`, for instance under torchrun."""

import sys

from dreamtalk_core.cli import main

sys.exit(main())

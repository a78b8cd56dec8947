"""`python -m dreamtalk_core.worker`."""

from dreamtalk_core.worker import main

main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker, from this side: the Python that runs it, its installation, requests and jobs."""

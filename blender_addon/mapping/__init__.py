# SPDX-License-Identifier: GPL-3.0-or-later
"""Which source moves which channel of a character: stored with it, edited, driven."""

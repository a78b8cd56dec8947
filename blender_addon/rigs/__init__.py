# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters: their bones and shape keys, what of them is moved, and the sample head."""

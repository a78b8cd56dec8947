# SPDX-License-Identifier: GPL-3.0-or-later
"""A face that comes over the network, on the character as it comes, and recorded."""

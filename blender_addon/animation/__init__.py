# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes: made, laid on the NLA, changed, exported, with their sounds and styles."""

"""Doors for other people's programs: HTTP with a page, and MCP for agents.

All of them ask one `Studio`, which holds one model.
"""

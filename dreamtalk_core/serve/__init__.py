"""Doors for other people's programs: HTTP with a page, gRPC for clients of
Audio2Face-3D, and MCP for agents.

All of them ask one `Studio`, which holds one model.
"""

"""ComfyUI's nodes: each is a schema and a call into the core."""

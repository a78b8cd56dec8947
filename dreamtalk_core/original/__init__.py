"""The original DreamTalk checkpoints: networks, coefficients, pipeline, renderer."""

"""Pictures that control a generative video model."""

"""The networks of the original DreamTalk (arXiv 2312.09767, MIT code), for its own checkpoints."""

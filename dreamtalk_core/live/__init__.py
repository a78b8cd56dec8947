"""A face over a network: the packets of each protocol, one module for each.

Every one has `encode`, of a `Frame`, and `decode`, of what came: a `Frame`, or None for anything
else. Of VMC, whose frames come in pieces, it is `Decoder.decode`. Whoever sends packets may be
anybody: it takes any bytes, and never raises.
"""

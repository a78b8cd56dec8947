"""How well predicted face curves follow the tracked face: figures, bursts, reports."""

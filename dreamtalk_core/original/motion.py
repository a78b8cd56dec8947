"""`OriginalMotion`: a motion that knows the coefficients that it was made of."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from dreamtalk_core.motion import Motion
from dreamtalk_core.original.coefficients import Coefficients

SUFFIX = ".mat"
"""What the original's own coefficients are written as."""


@dataclass(frozen=True, eq=False)
class OriginalMotion(Motion):
    """ARKit curves of a face of the original model.

    coefficients: the face as the original knows it, without behaviour and controls, at 25 fps.
    """

    coefficients: Coefficients = field(kw_only=True)

    def save(self, path: str | os.PathLike[str]) -> None:
        """As `Motion.save`; to .mat the coefficients, as Deep3DFaceRecon does (needs SciPy)."""
        if Path(path).suffix.lower() == SUFFIX:
            self.coefficients.save(path)
        else:
            super().save(path)

"""`OriginalMotion`: a motion that knows the coefficients that it was made of."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from dreamtalk_core.formats import Provenance
from dreamtalk_core.motion import Motion
from dreamtalk_core.original.coefficients import Coefficients
from dreamtalk_core.original.options import SUFFIX
from dreamtalk_core.warned import warn


@dataclass(frozen=True, eq=False)
class OriginalMotion(Motion):
    """ARKit curves of a face of the original model.

    coefficients: the face as the original knows it, without behaviour and controls, at 25 fps.
    is_changed: whether behaviour or controls were put on.
    """

    coefficients: Coefficients = field(kw_only=True)
    is_changed: bool = field(default=False, kw_only=True)

    def save(self, path: str | os.PathLike[str], provenance: Provenance | None = None) -> None:
        """As `Motion.save`; to .mat the coefficients, as Deep3DFaceRecon does (needs SciPy).

        Warns where behaviour or controls do not go along.
        """
        if Path(path).suffix.lower() == SUFFIX:
            if self.is_changed:
                warn(
                    f"{Path(path).name} holds the coefficients of the original alone: behaviour "
                    "and controls are not in them. Save the curves as .csv, .json or .npz, too."
                )
            self.coefficients.save(path)
        else:
            super().save(path, provenance)

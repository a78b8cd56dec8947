"""A small z-buffer rasteriser on the CPU: which triangle is seen where, compiled by numba.

What heads, portraits and control pictures share: fill a depth and a triangle buffer, and sum up
vertex normals. Every kernel releases the GIL and works on arrays that the caller owns, so several
frames can be drawn at the same time from ordinary threads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

Float = NDArray[np.float32]
Int = NDArray[np.int32]


def compiled(**options: Any) -> Callable[[Kernel], Kernel]:
    """Decorator: a GIL-free compiled kernel, kept on disk between runs wherever that is possible.

    numba writes its cache beside the source, or into the user's cache folder when the package is
    read-only; with neither writable it refuses, and then the kernel is compiled anew in each run.
    """

    def decorate(function: Kernel) -> Kernel:
        try:
            kernel: Kernel = njit(nogil=True, fastmath=True, cache=True, **options)(function)
            _drop_stale(kernel.stats.cache_path)  # type: ignore[attr-defined]
        except RuntimeError:
            kernel = njit(nogil=True, fastmath=True, **options)(function)
        return kernel

    return decorate


@cache
def _drop_stale(folder: str | None) -> None:
    """Forget the kernels in a folder of numba's that other sources were compiled to.

    numba looks at the file of a kernel alone, not at those of the kernels that it calls.
    """
    if folder is None:
        return
    stamp, digest = Path(folder) / "dreamtalk-kernels.txt", _sources()
    with suppress(OSError):  # nobody may write there, and then nothing changes there
        if not stamp.is_file() or stamp.read_text(encoding="ascii") != digest:
            for index in Path(folder).glob("*.nbi"):
                index.unlink(missing_ok=True)
            Path(folder).mkdir(parents=True, exist_ok=True)
            stamp.write_text(digest, encoding="ascii")


@cache
def _sources() -> str:
    """A text that is the same for the same sources of rendering only."""
    paths = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


@compiled()
def vertex_normals(vertices: Float, triangles: Int, weld: Int, normals: Float) -> None:
    """Write unit normals [V, 3] of a mesh: area-weighted sums over the triangles of each vertex.

    vertices float32 [V, 3]; triangles int32 [F, 3], counter-clockwise from outside; weld int32 [V]
    names for each vertex the one that gathers its sum, so that vertices split for their texture
    coordinates still share a normal.
    """
    normals[:] = 0.0
    for f in range(triangles.shape[0]):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        vx = vertices[c, 0] - vertices[a, 0]
        vy = vertices[c, 1] - vertices[a, 1]
        vz = vertices[c, 2] - vertices[a, 2]
        nx = uy * vz - uz * vy
        ny = uz * vx - ux * vz
        nz = ux * vy - uy * vx
        for corner in range(3):
            k = weld[triangles[f, corner]]
            normals[k, 0] += nx
            normals[k, 1] += ny
            normals[k, 2] += nz
    for v in range(vertices.shape[0]):
        k = weld[v]
        if k == v:
            length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2)
            scale = np.float32(1.0) / max(length, np.float32(1e-12))
            normals[v, 0] *= scale
            normals[v, 1] *= scale
            normals[v, 2] *= scale
    for v in range(vertices.shape[0]):
        k = weld[v]
        normals[v, 0] = normals[k, 0]
        normals[v, 1] = normals[k, 1]
        normals[v, 2] = normals[k, 2]


@compiled()
def fill(
    points: Float, triangles: Int, two_sided: NDArray[np.bool_], depth: Float, owner: Int
) -> None:
    """Draw triangles into depth [H, W] (nearer is larger) and owner [H, W] (triangle index).

    points float32 [V, 3]: x to the right and y down in samples, sample centres at integers plus a
    half, and a nearness that is linear on the screen (1 / distance). Front faces are
    counter-clockwise as seen; others are skipped unless two_sided [F] says so. The buffers are not
    cleared here: pass depth filled with 0 and owner with -1.
    """
    height, width = depth.shape
    for f in range(triangles.shape[0]):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ax, ay, az = points[a, 0], points[a, 1], points[a, 2]
        bx, by, bz = points[b, 0], points[b, 1], points[b, 2]
        cx, cy, cz = points[c, 0], points[c, 1], points[c, 2]
        # Twice the signed area; y points down, so a face seen from the front comes out negative.
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area > 0.0:
            if not two_sided[f]:
                continue
            bx, by, bz, cx, cy, cz = cx, cy, cz, bx, by, bz
            area = -area
        if area > -1e-9:
            continue
        left = max(int(np.ceil(min(ax, bx, cx) - np.float32(0.5))), 0)
        right = min(int(np.floor(max(ax, bx, cx) - np.float32(0.5))), width - 1)
        top = max(int(np.ceil(min(ay, by, cy) - np.float32(0.5))), 0)
        bottom = min(int(np.floor(max(ay, by, cy) - np.float32(0.5))), height - 1)
        if left > right or top > bottom:
            continue
        scale = np.float32(1.0) / area
        # Barycentric weights of b and c as planes over the screen: value, step in x, step in y.
        bdx = (cy - ay) * scale
        bdy = -(cx - ax) * scale
        cdx = -(by - ay) * scale
        cdy = (bx - ax) * scale
        x0 = np.float32(left) + np.float32(0.5) - ax
        for y in range(top, bottom + 1):
            dy = np.float32(y) + np.float32(0.5) - ay
            wb = bdx * x0 + bdy * dy
            wc = cdx * x0 + cdy * dy
            entered = False
            for x in range(left, right + 1):
                if wb >= 0.0 and wc >= 0.0 and wb + wc <= 1.0:
                    entered = True
                    z = az + wb * (bz - az) + wc * (cz - az)
                    if z > depth[y, x]:
                        depth[y, x] = z
                        owner[y, x] = f
                elif entered:
                    break
                wb += bdx
                wc += cdx

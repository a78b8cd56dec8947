"""`HeadRenderer`: the built-in head as a picture, drawn on the CPU.

One frame: pose the mesh, turn the head (the neck bends, the chest stays), draw a shadow map from
the key light, draw the visible triangles at twice the resolution, then shade. A pixel whose four
samples show one smooth piece of surface is shaded once, a pixel on an outline four times. The
camera and its lights stay; to look from elsewhere, the whole bust is turned.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion.rotation import rotation_matrix
from dreamtalk_core.render.colour import to_linear, to_srgb
from dreamtalk_core.render.head.raster import compiled, fill, vertex_normals
from dreamtalk_core.render.head.split_head import SplitHead
from dreamtalk_core.rig.head import MATERIALS, Head, gaze_rotation, load_head

Float = NDArray[np.float32]
Int = NDArray[np.int32]

Background = Literal["studio"] | tuple[int, int, int] | None
"""Behind the head: the calm gradient, a colour (sRGB, 0..255), or nothing, for a picture with
transparency."""

SKIN, MOUTH, TEETH, TONGUE, EYE, LASH = range(len(MATERIALS))

# Camera: a portrait lens on the z axis, aimed a little above the turning point.
_DISTANCE = 1150.0
_AIM_Y = 24.0
_FOCUS_Z = 60.0
_SPAN = 268.0  # mm of the plane z = _FOCUS_Z that the picture's height shows

# What the camera goes round.
_PIVOT = np.array([0.0, _AIM_Y, 0.0], np.float32)

# Where the lids are, mm, on a head whose eyes have none.
_LID_HEIGHT = 6.0

_SHADOW_SIZE = 176
# How far above the surface its own shadow is looked up, mm: no shadow of a facet on itself.
_SHADOW_LIFT = 3.0
_SHADOW_SPAN = 340.0


def _unit(*v: float) -> Float:
    a = np.array(v, np.float32)
    return a / np.float32(np.linalg.norm(a))


# Directions to the lights, and their colours (linear).
_KEY = _unit(0.52, 0.55, 0.80)
_FILL = _unit(-0.80, 0.10, 0.60)
_RIM = _unit(-0.75, 0.35, -0.62)
_KEY_COLOUR = np.array([2.05, 1.88, 1.68], np.float32)
_FILL_COLOUR = np.array([0.22, 0.27, 0.36], np.float32)
_RIM_COLOUR = np.array([2.6, 2.9, 3.5], np.float32)
_SKY = np.array([0.30, 0.33, 0.38], np.float32)
_GROUND = np.array([0.20, 0.165, 0.15], np.float32)


def _looking(view: tuple[float, float]) -> Float:
    """How the bust is turned [3, 3] to be seen from above and from its left, in degrees."""
    up, round_left = view
    tilted = rotation_matrix([up, 0.0, 0.0])
    return (tilted @ rotation_matrix([0.0, -round_left, 0.0])).astype(np.float32)


_TONE_STEPS = 4096
_TONE_MAX = 4.0


@lru_cache(maxsize=1)
def _tone_curve() -> Float:
    """Linear light 0.._TONE_MAX in _TONE_STEPS steps -> sRGB 0..255 with a soft shoulder."""
    x = np.linspace(0, _TONE_MAX, _TONE_STEPS)
    # Straight up to 0.55, then bent towards 1 without a kink.
    knee = 0.55
    bent = knee + (1 - knee) * (1 - np.exp(-(x - knee) / (1 - knee)))
    y = np.where(x < knee, x, bent)
    return (np.clip(to_srgb(y), 0, 1) * 255).astype(np.float32)


def _to_linear(srgb: NDArray[np.uint8]) -> Float:
    return np.ascontiguousarray(to_linear(srgb.astype(np.float32) / 255), np.float32)


def _backdrop(size: int) -> Float:
    """A calm gradient [size, size, 3] in sRGB 0..255: lighter behind the head, dithered."""
    y, x = (np.mgrid[0:size, 0:size] + 0.5) / size
    glow = np.exp(-(((x - 0.5) / 0.42) ** 2 + ((y - 0.46) / 0.50) ** 2))
    edge, middle = np.array([30.0, 34.0, 41.0]), np.array([92.0, 100.0, 112.0])
    picture = edge + (middle - edge) * glow[..., None]
    # Dither, or the gradient shows steps once it is encoded.
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (size, size, 1))
    return np.ascontiguousarray(picture + noise, np.float32)


@compiled()
def _shadow(shadow: Float, x: float, y: float, z: float) -> np.float32:
    """Share of key light 0..1 at a point of the shadow map: a soft window of 3 x 3 pixels."""
    size = shadow.shape[0]
    one = np.float32(1.0)
    cx, cy = int(np.floor(x - np.float32(1.5))), int(np.floor(y - np.float32(1.5)))
    if cx < 0 or cy < 0 or cx + 3 >= size or cy + 3 >= size:
        return one
    tx = x - np.float32(1.5) - np.float32(cx)
    ty = y - np.float32(1.5) - np.float32(cy)
    total = np.float32(0.0)
    for j in range(4):
        wy = one - ty if j == 0 else (ty if j == 3 else one)
        line = np.float32(0.0)
        for i in range(4):
            # Over 5 mm from touching to fully shadowed: no hard edges, no speckles.
            behind = (shadow[cy + j, cx + i] - z) * np.float32(0.2)
            light = one - min(max(behind, np.float32(0.0)), one)
            line += light * (one - tx if i == 0 else (tx if i == 3 else one))
        total += line * wy
    return total * np.float32(1.0 / 9.0)


@compiled()
def _shade(
    owner: Int,
    triangles: Int,
    material: NDArray[np.int8],
    points: Float,
    world: Float,
    normals: Float,
    uv: Float,
    colours: Float,
    atlas: Float,
    shadow: Float,
    shadow_points: Float,
    eyes: Float,
    lights: Float,
    tone: Float,
    picture: Float,
    out: NDArray[np.uint8],
) -> None:
    """Shade owner [2H, 2W] over picture [H, W, 3] into out [H, W, 3], or without it [H, W, 4].

    eyes [2, 14]: see `_eye_frames`.
    lights [8, 3]: key, fill, rim (directions), then their colours, sky and ground.
    """
    height, width = out.shape[0], out.shape[1]
    opaque = out.shape[2] == 3
    atlas_h, atlas_w = atlas.shape[0], atlas.shape[1]
    one = np.float32(1.0)
    zero = np.float32(0.0)
    half = np.float32(0.5)
    kx, ky, kz = lights[0, 0], lights[0, 1], lights[0, 2]
    fx, fy, fz = lights[1, 0], lights[1, 1], lights[1, 2]
    rx, ry, rz = lights[2, 0], lights[2, 1], lights[2, 2]
    for row in range(height):
        for column in range(width):
            first = owner[2 * row, 2 * column]
            second = owner[2 * row, 2 * column + 1]
            third = owner[2 * row + 1, 2 * column]
            fourth = owner[2 * row + 1, 2 * column + 1]
            if first < 0 and second < 0 and third < 0 and fourth < 0:
                for c in range(3):
                    out[row, column, c] = np.uint8(picture[row, column, c] + half)
                if not opaque:
                    out[row, column, 3] = 0
                continue
            samples = 4
            if first == second and first == third and first == fourth:
                samples = 1
            elif first >= 0 and second >= 0 and third >= 0 and fourth >= 0:
                m = material[first]
                alike = material[second] == m and material[third] == m and material[fourth] == m
                if alike and m != LASH:
                    za = world[triangles[first, 0], 2]
                    zb = world[triangles[second, 0], 2]
                    zc = world[triangles[third, 0], 2]
                    zd = world[triangles[fourth, 0], 2]
                    if max(za, zb, zc, zd) - min(za, zb, zc, zd) < np.float32(6.0):
                        samples = 1
            covered = 0
            sum_r = zero
            sum_g = zero
            sum_b = zero
            for s in range(samples):
                if samples == 1:
                    face = first
                    qx = np.float32(2 * column + 1)
                    qy = np.float32(2 * row + 1)
                else:
                    face = owner[2 * row + s // 2, 2 * column + s % 2]
                    qx = np.float32(2 * column + s % 2) + half
                    qy = np.float32(2 * row + s // 2) + half
                if face < 0:
                    if opaque:
                        sum_r += picture[row, column, 0]
                        sum_g += picture[row, column, 1]
                        sum_b += picture[row, column, 2]
                    continue
                covered += 1
                a, b, c3 = triangles[face, 0], triangles[face, 1], triangles[face, 2]
                ax, ay = points[a, 0], points[a, 1]
                bx, by = points[b, 0] - ax, points[b, 1] - ay
                cx, cy = points[c3, 0] - ax, points[c3, 1] - ay
                scale = one / (bx * cy - by * cx)
                wb = ((qx - ax) * cy - (qy - ay) * cx) * scale
                wc = (bx * (qy - ay) - by * (qx - ax)) * scale
                # The centre of a pixel shaded once may lie just outside its first triangle.
                wb = min(max(wb, np.float32(-0.5)), np.float32(1.5))
                wc = min(max(wc, np.float32(-0.5)), np.float32(1.5))
                wa = one - wb - wc
                nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[c3, 0]
                ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[c3, 1]
                nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[c3, 2]
                px = wa * world[a, 0] + wb * world[b, 0] + wc * world[c3, 0]
                py = wa * world[a, 1] + wb * world[b, 1] + wc * world[c3, 1]
                pz = wa * world[a, 2] + wb * world[b, 2] + wc * world[c3, 2]
                kind = material[face]
                vx, vy, vz = -px, np.float32(_AIM_Y) - py, np.float32(_DISTANCE) - pz
                inverse = one / np.sqrt(vx * vx + vy * vy + vz * vz)
                vx *= inverse
                vy *= inverse
                vz *= inverse
                inverse = one / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-12))
                nx *= inverse
                ny *= inverse
                nz *= inverse

                if kind == TEETH and nx * vx + ny * vy + nz * vz < zero:
                    nx, ny, nz = -nx, -ny, -nz

                # Colour: the atlas, bilinear, times the vertex colour.
                tu = wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c3, 0]
                tv = wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c3, 1]
                tx = min(max(tu * atlas_w - half, zero), np.float32(atlas_w - 1.001))
                ty = min(max(tv * atlas_h - half, zero), np.float32(atlas_h - 1.001))
                ix, iy = int(tx), int(ty)
                ux, uy = tx - np.float32(ix), ty - np.float32(iy)
                w00 = (one - ux) * (one - uy)
                w01 = ux * (one - uy)
                w10 = (one - ux) * uy
                w11 = ux * uy
                red = w00 * atlas[iy, ix, 0] + w01 * atlas[iy, ix + 1, 0]
                red += w10 * atlas[iy + 1, ix, 0] + w11 * atlas[iy + 1, ix + 1, 0]
                green = w00 * atlas[iy, ix, 1] + w01 * atlas[iy, ix + 1, 1]
                green += w10 * atlas[iy + 1, ix, 1] + w11 * atlas[iy + 1, ix + 1, 1]
                blue = w00 * atlas[iy, ix, 2] + w01 * atlas[iy, ix + 1, 2]
                blue += w10 * atlas[iy + 1, ix, 2] + w11 * atlas[iy + 1, ix + 1, 2]
                ao_r = wa * colours[a, 0] + wb * colours[b, 0] + wc * colours[c3, 0]
                ao_g = wa * colours[a, 1] + wb * colours[b, 1] + wc * colours[c3, 1]
                ao_b = wa * colours[a, 2] + wb * colours[b, 2] + wc * colours[c3, 2]
                ao_r = min(max(ao_r, zero), one)
                ao_g = min(max(ao_g, zero), one)
                ao_b = min(max(ao_b, zero), one)

                # How each material takes light: wrap of the diffuse light by colour (the red of
                # skin bleeds round the terminator); strength of the highlight, its sharpness (the
                # exponent is 2 to that power), and its strength seen head-on.
                if kind == SKIN:
                    wrap_r, wrap_g, wrap_b = np.float32(0.34), np.float32(0.17), np.float32(0.11)
                    gloss, sharp, base = np.float32(0.75), 4, np.float32(0.04)
                    # Hair is dark and dull.
                    pale = (red - np.float32(0.06)) * np.float32(5.0)
                    gloss *= min(max(pale, np.float32(0.25)), one)
                elif kind == TEETH:
                    wrap_r, wrap_g, wrap_b = np.float32(0.4), np.float32(0.35), np.float32(0.3)
                    gloss, sharp, base = np.float32(0.5), 6, np.float32(0.05)
                elif kind in (MOUTH, TONGUE):
                    wrap_r, wrap_g, wrap_b = np.float32(0.5), np.float32(0.25), np.float32(0.2)
                    gloss, sharp, base = np.float32(0.45), 5, np.float32(0.04)
                elif kind == EYE:
                    wrap_r, wrap_g, wrap_b = np.float32(0.30), np.float32(0.24), np.float32(0.22)
                    gloss, sharp, base = zero, 0, zero
                else:
                    wrap_r, wrap_g, wrap_b = zero, zero, zero
                    gloss, sharp, base = np.float32(0.05), 3, np.float32(0.03)

                glint = zero
                if kind == EYE:
                    # The near eye's frame: where on the ball, and where it looks.
                    e = 0
                    if (px - eyes[1, 0]) ** 2 + (py - eyes[1, 1]) ** 2 + (pz - eyes[1, 2]) ** 2 < (
                        px - eyes[0, 0]
                    ) ** 2 + (py - eyes[0, 1]) ** 2 + (pz - eyes[0, 2]) ** 2:
                        e = 1
                    ox, oy, oz = px - eyes[e, 0], py - eyes[e, 1], pz - eyes[e, 2]
                    rise = ox * eyes[e, 6] + oy * eyes[e, 7] + oz * eyes[e, 8]
                    across = ox * eyes[e, 9] + oy * eyes[e, 10] + oz * eyes[e, 11]
                    # The lids' shade: deep under the upper one, in the corners, faint below.
                    lid = eyes[e, 12]
                    low = eyes[e, 13]
                    shade = min(max((lid - rise) * np.float32(0.19), zero), one)
                    shade = np.float32(0.16) + np.float32(0.84) * shade * (np.float32(2.0) - shade)
                    under = min(max((rise - low) * np.float32(0.5), zero), one)
                    shade *= np.float32(0.6) + np.float32(0.4) * under
                    corner = min(max((abs(across) - np.float32(7.0)) * np.float32(0.14), zero), one)
                    shade *= one - np.float32(0.5) * corner
                    ao_r *= shade
                    ao_g *= shade * (one - np.float32(0.08) * corner)
                    ao_b *= shade * (one - np.float32(0.08) * corner)
                    # Cornea: a smaller sphere in front of the ball carries the window's reflection.
                    hx = ox - np.float32(7.6) * eyes[e, 3]
                    hy = oy - np.float32(7.6) * eyes[e, 4]
                    hz = oz - np.float32(7.6) * eyes[e, 5]
                    inverse = one / np.sqrt(hx * hx + hy * hy + hz * hz + np.float32(1e-6))
                    hx *= inverse
                    hy *= inverse
                    hz *= inverse
                    facing = hx * eyes[e, 3] + hy * eyes[e, 4] + hz * eyes[e, 5]
                    on = min(max((facing - np.float32(0.60)) * np.float32(5.0), zero), one)
                    hx = hx * on + nx * (one - on)
                    hy = hy * on + ny * (one - on)
                    hz = hz * on + nz * (one - on)
                    d = np.float32(2.0) * (hx * vx + hy * vy + hz * vz)
                    mx, my, mz = d * hx - vx, d * hy - vy, d * hz - vz
                    key_glint = mx * kx + my * ky + mz * kz
                    fill_glint = mx * fx + my * fy + mz * fz
                    glint = np.float32(2.6) * min(
                        max((key_glint - np.float32(0.945)) * np.float32(40.0), zero), one
                    )
                    glint += np.float32(0.07) * min(
                        max((fill_glint - np.float32(0.96)) * np.float32(30.0), zero), one
                    )
                    glint *= min(max((lid - rise) * np.float32(0.9), zero), one)
                    # Light falls through the cornea and gathers on the far side of the iris.
                    if on > zero:
                        gather = -(ox * kx + oy * ky + oz * kz) * np.float32(0.07)
                        gather += (
                            np.float32(0.07)
                            * (ox * eyes[e, 3] + oy * eyes[e, 4] + oz * eyes[e, 5])
                            * (eyes[e, 3] * kx + eyes[e, 4] * ky + eyes[e, 5] * kz)
                        )
                        gather = min(max(gather * np.float32(1.6), np.float32(-0.3)), one)
                        gather = one + on * gather
                        red *= gather
                        green *= gather
                        blue *= gather

                key = nx * kx + ny * ky + nz * kz
                lit = one
                if key > np.float32(-0.35) and kind != EYE:
                    sx = wa * shadow_points[a, 0] + wb * shadow_points[b, 0]
                    sx += wc * shadow_points[c3, 0]
                    sy = wa * shadow_points[a, 1] + wb * shadow_points[b, 1]
                    sy += wc * shadow_points[c3, 1]
                    sz = wa * shadow_points[a, 2] + wb * shadow_points[b, 2]
                    sz += wc * shadow_points[c3, 2]
                    lit = np.float32(0.12) + np.float32(0.88) * _shadow(shadow, sx, sy, sz)
                # Shadow edges on skin are tinted: red light travels furthest below the surface.
                soft = lit * (np.float32(2.0) - lit)
                key_r = max((key + wrap_r) / (one + wrap_r), zero) * (soft if kind == SKIN else lit)
                key_g = max((key + wrap_g) / (one + wrap_g), zero) * lit
                key_b = max((key + wrap_b) / (one + wrap_b), zero) * lit
                side = max((nx * fx + ny * fy + nz * fz + np.float32(0.3)) / np.float32(1.3), zero)
                up = ny * half + half
                down = one - up
                direct = np.float32(0.45) + np.float32(0.55) * ao_g
                r = red * (
                    key_r * lights[3, 0] * direct
                    + ao_r * (side * lights[4, 0] + up * lights[6, 0] + down * lights[7, 0])
                )
                g = green * (
                    key_g * lights[3, 1] * direct
                    + ao_g * (side * lights[4, 1] + up * lights[6, 1] + down * lights[7, 1])
                )
                bl = blue * (
                    key_b * lights[3, 2] * direct
                    + ao_b * (side * lights[4, 2] + up * lights[6, 2] + down * lights[7, 2])
                )
                # Highlights: Blinn-Phong, stronger at grazing angles.
                if gloss > zero:
                    grazing = one - max(nx * vx + ny * vy + nz * vz, zero)
                    grazing *= grazing
                    fresnel = base + (one - base) * grazing * grazing * half
                    mx, my, mz = kx + vx, ky + vy, kz + vz
                    inverse = one / np.sqrt(mx * mx + my * my + mz * mz)
                    shine = max((nx * mx + ny * my + nz * mz) * inverse, zero)
                    for _ in range(sharp):
                        shine *= shine
                    norm = np.float32(1 << sharp) + np.float32(8.0)
                    shine *= lit * max(key, zero) * norm * np.float32(0.125)
                    mx, my, mz = fx + vx, fy + vy, fz + vz
                    inverse = one / np.sqrt(mx * mx + my * my + mz * mz)
                    glow = max((nx * mx + ny * my + nz * mz) * inverse, zero)
                    for _ in range(sharp):
                        glow *= glow
                    glow *= norm * np.float32(0.02) * ao_g
                    strength = gloss * fresnel * ao_g
                    rim = max(nx * rx + ny * ry + nz * rz, zero) * grazing * ao_g * np.float32(0.55)
                    r += strength * (shine * lights[3, 0] + glow * lights[4, 0]) + rim * (
                        lights[5, 0] * (red + np.float32(0.08))
                    )
                    g += strength * (shine * lights[3, 1] + glow * lights[4, 1]) + rim * (
                        lights[5, 1] * (green + np.float32(0.08))
                    )
                    bl += strength * (shine * lights[3, 2] + glow * lights[4, 2]) + rim * (
                        lights[5, 2] * (blue + np.float32(0.08))
                    )
                r += glint
                g += glint
                bl += glint
                steps = np.float32((_TONE_STEPS - 1) / _TONE_MAX)
                sum_r += tone[int(min(max(r * steps, zero), np.float32(_TONE_STEPS - 1)))]
                sum_g += tone[int(min(max(g * steps, zero), np.float32(_TONE_STEPS - 1)))]
                sum_b += tone[int(min(max(bl * steps, zero), np.float32(_TONE_STEPS - 1)))]
            share = one / np.float32(samples if opaque else covered)
            out[row, column, 0] = np.uint8(sum_r * share + half)
            out[row, column, 1] = np.uint8(sum_g * share + half)
            out[row, column, 2] = np.uint8(sum_b * share + half)
            if not opaque:
                out[row, column, 3] = 255 * covered // samples


@dataclass
class _Scratch:
    """Buffers of one thread."""

    depth: Float
    owner: Int
    shadow: Float
    shadow_owner: Int
    normals: Float
    posed: Float


@dataclass(frozen=True, eq=False)
class Surface:
    """What of the head is seen where, on samples of half a pixel; valid until the next picture.

    points: float32 [V, 3], vertices in samples, x to the right, y down, and a nearness.
    world: float32 [V, 3], mm; the camera looks along -z. normals: float32 [V, 3], of length 1.
    owner: int32 [2 * size, 2 * size], the triangle that is seen, or -1.
    """

    points: Float
    world: Float
    normals: Float
    owner: Int


class HeadRenderer:
    """Draws the head. `render` may be called from threads.

    size: picture width and height in pixels, even, 64 to 4096. background: see `Background`.
    zoom: how much larger than usual, 0.25 to 8. Raises `RenderError` for others.
    """

    def __init__(
        self,
        size: int = 512,
        head: Head | None = None,
        background: Background = "studio",
        zoom: float = 1.0,
    ) -> None:
        if size % 2 or not 64 <= size <= 4096:
            raise RenderError(f"The picture size must be even and 64 to 4096, not {size}.")
        if not 0.25 <= zoom <= 8:
            raise RenderError(f"The zoom must be 0.25 to 8, not {zoom:g}.")
        self.size = size
        self.zoom = zoom
        self.channels = 4 if background is None else 3
        self.head = head or load_head()
        own = np.arange(len(self.head.vertices), dtype=np.int32)
        self._weld = self.head.weld if isinstance(self.head, SplitHead) else own
        self._atlas = _to_linear(self.head.atlas)
        if background == "studio":
            self._picture = _backdrop(size)
        else:
            self._picture = np.full((size, size, 3), background or 0, np.float32)
        material = self.head.material
        # Lashes are blades and crowns are shells: both are seen from behind as well.
        self._two_sided = (material == LASH) | (material == TEETH)
        if isinstance(self.head, SplitHead):
            # The heads of others are often hollow: to be seen from inside, rather than through.
            self._two_sided[:] = True
        self._casters = np.ascontiguousarray(self.head.triangles[(material == SKIN)])
        self._cast_sides = np.ones(len(self._casters), bool)
        self._lights = np.stack(
            [_KEY, _FILL, _RIM, _KEY_COLOUR, _FILL_COLOUR, _RIM_COLOUR, _SKY, _GROUND]
        )
        side = np.cross(_KEY, np.array([0, 1, 0], np.float32))
        side /= np.linalg.norm(side)
        self._to_light = np.stack([side, np.cross(_KEY, side), _KEY]).astype(np.float32)
        self._lids = _lid_vertices(self.head)
        self._local = threading.local()

    def render(
        self,
        weights: ArrayLike,
        head_rotation: ArrayLike = (0.0, 0.0, 0.0),
        view: tuple[float, float] = (0.0, 0.0),
    ) -> NDArray[np.uint8]:
        """One picture uint8 [size, size, 3], or with straight alpha [size, size, 4].

        weights: [52], `ARKIT_NAMES` order. head_rotation: (pitch, yaw, roll) in degrees.
        view: degrees that the camera goes up, and round to the character's left.
        """
        head = self.head
        scratch = self._scratch()
        surface = self.surface(weights, head_rotation, view)
        points, world = surface.points, surface.world
        scratch.shadow[:] = 0
        casters = self._project_to_light(world)
        fill(casters, self._casters, self._cast_sides, scratch.shadow, scratch.shadow_owner)
        lifted = world + np.float32(_SHADOW_LIFT) * scratch.normals
        shadow_points = self._project_to_light(lifted)
        out = np.empty((self.size, self.size, self.channels), np.uint8)
        _shade(
            scratch.owner,
            head.triangles,
            head.material,
            points,
            world,
            scratch.normals,
            head.uv,
            head.colours,
            self._atlas,
            scratch.shadow,
            shadow_points,
            self._eye_frames(np.asarray(weights, np.float32), head_rotation, view),
            self._lights,
            _tone_curve(),
            self._picture,
            out,
        )
        return out

    def surface(
        self,
        weights: ArrayLike,
        head_rotation: ArrayLike = (0.0, 0.0, 0.0),
        view: tuple[float, float] = (0.0, 0.0),
    ) -> Surface:
        """What `render` will shade."""
        scratch = self._scratch()
        scratch.posed = self.head.pose(weights)
        world = self.place(scratch.posed, self.head.neck, head_rotation, view)
        points = self.project(world)
        vertex_normals(world, self.head.triangles, self._weld, scratch.normals)
        scratch.depth[:] = 0
        scratch.owner[:] = -1
        fill(points, self.head.triangles, self._two_sided, scratch.depth, scratch.owner)
        return Surface(points, world, scratch.normals, scratch.owner)

    def place(
        self, posed: Float, neck: Float, head_rotation: ArrayLike, view: tuple[float, float]
    ) -> Float:
        """Points on the head [N, 3] in front of the camera; neck [N]: how much each turns along."""
        turn = rotation_matrix(head_rotation).astype(np.float32)
        world: Float = posed + neck[:, None] * (posed @ turn.T - posed)
        if not any(view):
            return world
        round_it = (world - _PIVOT) @ _looking(view).T + _PIVOT
        return round_it.astype(np.float32)

    def _scratch(self) -> _Scratch:
        scratch: _Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:
            samples = (2 * self.size, 2 * self.size)
            shadow = (_SHADOW_SIZE, _SHADOW_SIZE)
            scratch = _Scratch(
                np.empty(samples, np.float32),
                np.empty(samples, np.int32),
                np.empty(shadow, np.float32),
                np.empty(shadow, np.int32),
                np.empty(self.head.vertices.shape, np.float32),
                self.head.vertices,
            )
            self._local.scratch = scratch
        return scratch

    def project(self, world: Float) -> Float:
        """Samples and nearness [V, 3] on the doubled picture."""
        distance = np.float32(_DISTANCE) - world[:, 2]
        span = 2 * self.size * self.zoom / _SPAN
        scale = np.float32(span * (_DISTANCE - _FOCUS_Z)) / distance
        points = np.empty_like(world)
        points[:, 0] = self.size + world[:, 0] * scale
        points[:, 1] = self.size - (world[:, 1] - np.float32(_AIM_Y)) * scale
        points[:, 2] = np.float32(_DISTANCE) / distance
        return points

    def _project_to_light(self, world: Float) -> Float:
        """Shadow map pixels and height towards the light in mm (positive) [V, 3]."""
        points: Float = world @ self._to_light.T
        scale = np.float32(_SHADOW_SIZE / _SHADOW_SPAN)
        points[:, 0] = points[:, 0] * scale + np.float32(_SHADOW_SIZE / 2)
        points[:, 1] = points[:, 1] * scale + np.float32(_SHADOW_SIZE / 2)
        points[:, 2] += 500
        return points

    def _eye_frames(
        self, weights: Float, head_rotation: ArrayLike, view: tuple[float, float]
    ) -> Float:
        """What shading an eye needs [2, 14]: centre, gaze, the head's up and left, and the heights
        of the upper and lower lid above the centre (mm)."""
        frames = np.empty((2, 14), np.float32)
        posed = self._scratch().posed
        whole = np.ones(2, np.float32)
        centres = self.place(self.head.eye_centres, whole, head_rotation, view)
        turn = _looking(view) @ rotation_matrix(head_rotation).astype(np.float32)
        for i, side in enumerate(("Left", "Right")):
            centre = self.head.eye_centres[i]
            gaze = gaze_rotation(weights, side)[:, 2].astype(np.float32)
            frames[i, 0:3] = centres[i]
            frames[i, 3:6] = turn @ gaze
            frames[i, 6:9] = turn[:, 1]
            frames[i, 9:12] = turn[:, 0]
            upper, lower = self._lids[i]
            frames[i, 12] = posed[upper, 1].mean() - centre[1] if len(upper) else _LID_HEIGHT
            frames[i, 13] = posed[lower, 1].mean() - centre[1] if len(lower) else -_LID_HEIGHT
        return frames


def _lid_vertices(head: Head) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For each eye, skin vertices on the edge of the upper and of the lower lid, mid-eye."""
    skin = np.unique(head.triangles[head.material == SKIN])
    result = []
    for centre in head.eye_centres:
        offset = head.vertices[skin] - centre
        radius = np.linalg.norm(offset, axis=1)
        middle = np.abs(offset[:, 0]) < 4
        near = middle & (offset[:, 2] > 8)
        near &= radius < radius[middle].min(initial=np.inf) + 1.6
        upper, lower = near & (offset[:, 1] > 0), near & (offset[:, 1] < 0)
        result.append((skin[upper], skin[lower]))
    return result

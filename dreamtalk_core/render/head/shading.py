"""What a pixel of the head looks like: the kernel `shade`, and the parts of the light in it.

The parts are given arrays one by one or not at all: counting references to bundles of them in the
innermost loop makes drawing take twice as long. Colours are linear until the last step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.render.head.eye_light import light_in_eye
from dreamtalk_core.render.head.texture import Slope, texture
from dreamtalk_core.render.head.vectors import (
    HALF,
    ONE,
    TWO,
    ZERO,
    Corners,
    Lamps,
    Vector,
    clip,
    dot,
    triple,
    unit,
)
from dreamtalk_core.render.raster import Float, Int, compiled
from dreamtalk_core.rig.head import MATERIALS

SKIN, MOUTH, TEETH, TONGUE, EYE, LASH = range(len(MATERIALS))

CAMERA_Y, CAMERA_Z = 24.0, 1150.0
"""Where the camera is, mm; it looks along -z."""

TONE_STEPS, TONE_MAX = 4096, 4.0
"""Steps of the tone curve, and the linear light of the last one."""


class Mesh(NamedTuple):
    """What is drawn, as in `Head`; points, world and normals as in `Surface`.

    blur: float32 [V], level of the texture that suits each vertex. eyes: float32 [2, 14], of each
    eyeball: centre, gaze, the head's up and left, and the heights of the upper and lower lid above
    the centre (mm). mouth: float32 [7]: the middle of the upper lip, where the face looks, and the
    share of light that is lost with each mm behind it.
    """

    triangles: Int
    material: NDArray[np.int8]
    points: Float
    world: Float
    normals: Float
    uv: Float
    blur: Float
    colours: Float
    eyes: Float
    mouth: Float


class Light(NamedTuple):
    """What falls on it.

    atlas: float32 [H, W, 3], linear, in levels; levels: int32 [K, 3], see `texture.py`. shadow: the
    shadow map; shadow_points: float32 [V, 3] in it.
    lights: float32 [8, 3]: key, fill, rim (directions), then their colours, sky and ground.
    tone: float32 [TONE_STEPS], see `TONE_MAX`.
    """

    atlas: Float
    levels: Int
    shadow: Float
    shadow_points: Float
    lights: Float
    tone: Float


class _Finish(NamedTuple):
    """How a material takes light.

    wrap: of the diffuse light by colour (the red of skin bleeds round the terminator). gloss:
    strength of the highlight. sharp: its sharpness (the exponent is 2 to that power). base: its
    strength seen head-on. wet: share of it that is four times as sharp.
    """

    wrap: Vector
    gloss: np.float32
    sharp: int
    base: np.float32
    wet: np.float32


@compiled()
def shade(owner: Int, mesh: Mesh, light: Light, picture: Float, out: NDArray[np.uint8]) -> None:
    """Shade owner [2H, 2W] over picture [H, W, 3] into out [H, W, 3], or without it [H, W, 4]."""
    triangles, material, points, world, normals, uv, blur, colours, eyes, mouth = mesh
    atlas, levels, shadow, shadow_points, lights, tone = light
    lamps = Lamps(
        triple(lights, 0), triple(lights, 1), triple(lights, 2), triple(lights, 3),
        triple(lights, 4), triple(lights, 5), triple(lights, 6), triple(lights, 7),
    )  # fmt: skip
    opaque = out.shape[2] == 3
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            samples = _samples(owner, material, world, triangles, row, column)
            if samples == 0:
                for c in range(3):
                    out[row, column, c] = np.uint8(picture[row, column, c] + HALF)
                if not opaque:
                    out[row, column, 3] = 0
                continue
            covered = 0
            red = green = blue = ZERO
            for s in range(samples):
                if samples == 1:
                    face = owner[2 * row, 2 * column]
                    x, y = np.float32(2 * column + 1), np.float32(2 * row + 1)
                else:
                    face = owner[2 * row + s // 2, 2 * column + s % 2]
                    x = np.float32(2 * column + s % 2) + HALF
                    y = np.float32(2 * row + s // 2) + HALF
                if face < 0:
                    if opaque:
                        red += picture[row, column, 0]
                        green += picture[row, column, 1]
                        blue += picture[row, column, 2]
                    continue
                covered += 1
                corners = triangles[face, 0], triangles[face, 1], triangles[face, 2]
                share = _shares(points, corners, x, y)
                kind = material[face]
                place = _mixed(world, corners, share)
                view = _to_camera(place)
                normal = unit(_mixed(normals, corners, share))
                if kind == TEETH and dot(normal, view) < ZERO:
                    normal = (-normal[0], -normal[1], -normal[2])
                colour, slope = texture(atlas, levels, uv, blur, corners, share)
                if kind == SKIN:
                    normal = _rough(normal, slope)
                tint = _mixed(colours, corners, share)
                open_ = (clip(tint[0]), clip(tint[1]), clip(tint[2]))
                glint = ZERO
                if kind == EYE:
                    open_, gather, glint = light_in_eye(eyes, place, normal, view, lamps, open_)
                    colour = (colour[0] * gather, colour[1] * gather, colour[2] * gather)
                elif kind in (TEETH, MOUTH, TONGUE):
                    left = _light_in_mouth(mouth, place)
                    colour = (colour[0] * left, colour[1] * left, colour[2] * left)
                key = dot(normal, lamps.key)
                lit = ONE
                if key > np.float32(-0.35) and kind != EYE:
                    point = _mixed(shadow_points, corners, share)
                    lit = np.float32(0.12) + np.float32(0.88) * _shadow(shadow, point)
                seen = _lit(lamps, kind, normal, view, key, lit, colour, open_)
                red += _toned(tone, seen[0] + glint)
                green += _toned(tone, seen[1] + glint)
                blue += _toned(tone, seen[2] + glint)
            part = ONE / np.float32(samples if opaque else covered)
            out[row, column, 0] = np.uint8(red * part + HALF)
            out[row, column, 1] = np.uint8(green * part + HALF)
            out[row, column, 2] = np.uint8(blue * part + HALF)
            if not opaque:
                out[row, column, 3] = 255 * covered // samples


@compiled()
def _samples(
    owner: Int,
    material: NDArray[np.int8],
    world: Float,
    triangles: Int,
    row: int,
    column: int,
) -> int:
    """How often a pixel is shaded: 0 where nothing is, 1 on one smooth piece of surface, else 4."""
    first = owner[2 * row, 2 * column]
    second = owner[2 * row, 2 * column + 1]
    third = owner[2 * row + 1, 2 * column]
    fourth = owner[2 * row + 1, 2 * column + 1]
    if first < 0 and second < 0 and third < 0 and fourth < 0:
        return 0
    if first == second and first == third and first == fourth:
        return 1
    if first < 0 or second < 0 or third < 0 or fourth < 0:
        return 4
    kind = material[first]
    alike = material[second] == kind and material[third] == kind and material[fourth] == kind
    if not alike or kind == LASH:
        return 4
    za = world[triangles[first, 0], 2]
    zb = world[triangles[second, 0], 2]
    zc = world[triangles[third, 0], 2]
    zd = world[triangles[fourth, 0], 2]
    return 1 if max(za, zb, zc, zd) - min(za, zb, zc, zd) < np.float32(6.0) else 4


@compiled()
def _to_camera(place: Vector) -> Vector:
    return unit((-place[0], np.float32(CAMERA_Y) - place[1], np.float32(CAMERA_Z) - place[2]))


@compiled()
def _lit(
    lamps: Lamps,
    kind: int,
    normal: Vector,
    view: Vector,
    key: np.float32,
    lit: np.float32,
    colour: Vector,
    open_: Vector,
) -> Vector:
    """What a colour looks like in the light; open_: how open the place is to it, by colour."""
    finish = _finish(kind, colour[0], colour[1])
    result = _diffuse(lamps, normal, key, lit, finish.wrap, kind == SKIN, colour, open_)
    if finish.gloss > ZERO:
        shine = _highlights(lamps, normal, view, key, lit, finish, colour, open_[1])
        result = (result[0] + shine[0], result[1] + shine[1], result[2] + shine[2])
    return result


@compiled()
def _shares(points: Float, corners: Corners, x: np.float32, y: np.float32) -> Vector:
    """How near a sample is to each corner: barycentric coordinates."""
    a, b, c = corners
    ax, ay = points[a, 0], points[a, 1]
    bx, by = points[b, 0] - ax, points[b, 1] - ay
    cx, cy = points[c, 0] - ax, points[c, 1] - ay
    scale = ONE / (bx * cy - by * cx)
    # The centre of a pixel shaded once may lie just outside its first triangle.
    wb = min(max(((x - ax) * cy - (y - ay) * cx) * scale, -HALF), np.float32(1.5))
    wc = min(max((bx * (y - ay) - by * (x - ax)) * scale, -HALF), np.float32(1.5))
    return (ONE - wb - wc, wb, wc)


@compiled()
def _mixed(values: Float, corners: Corners, share: Vector) -> Vector:
    """What vertices [V, 3] have, between the corners of a triangle."""
    a, b, c = corners
    wa, wb, wc = share
    return (
        wa * values[a, 0] + wb * values[b, 0] + wc * values[c, 0],
        wa * values[a, 1] + wb * values[b, 1] + wc * values[c, 1],
        wa * values[a, 2] + wb * values[b, 2] + wc * values[c, 2],
    )


@compiled()
def _light_in_mouth(mouth: Float, place: Vector) -> np.float32:
    """What the lips leave of the light on what is behind them: the less the further."""
    behind = (mouth[0] - place[0]) * mouth[3]
    behind += (mouth[1] - place[1]) * mouth[4] + (mouth[2] - place[2]) * mouth[5]
    return min(max(np.float32(1.2) - mouth[6] * behind, np.float32(0.4)), ONE)


@compiled()
def _rough(normal: Vector, slope: Slope) -> Vector:
    """The normal of skin with its finest relief, which its picture tells: what is dark is deep."""
    limit, depth = np.float32(0.05), np.float32(0.8)
    across = depth * min(max(slope[0], -limit), limit)
    down = depth * min(max(slope[1], -limit), limit)
    return unit((normal[0] - across * normal[2], normal[1] + down, normal[2] + across * normal[0]))


@compiled()
def _finish(kind: int, red: np.float32, green: np.float32) -> _Finish:
    """Of a material; red, green: of its colour."""
    if kind == SKIN:
        # Hair is dark and dull.
        pale = min(max((red - np.float32(0.06)) * np.float32(5.0), np.float32(0.25)), ONE)
        # Lips are the reddest part of it, and moist.
        lips = clip((red - np.float32(2.7) * green) * np.float32(8.0))
        gloss = (np.float32(0.62) + np.float32(0.2) * lips) * pale
        wet = np.float32(0.22) + np.float32(0.4) * lips
        wrap = (np.float32(0.48), np.float32(0.2), np.float32(0.12))
        return _Finish(wrap, gloss, 4, np.float32(0.04), wet)
    if kind == TEETH:
        wrap = (np.float32(0.4), np.float32(0.35), np.float32(0.3))
        return _Finish(wrap, HALF, 6, np.float32(0.05), ZERO)
    if kind in (MOUTH, TONGUE):
        wrap = (HALF, np.float32(0.25), np.float32(0.2))
        return _Finish(wrap, np.float32(0.5), 5, np.float32(0.04), HALF)
    if kind == EYE:
        wrap = (np.float32(0.30), np.float32(0.24), np.float32(0.22))
        return _Finish(wrap, ZERO, 0, ZERO, ZERO)
    return _Finish((ZERO, ZERO, ZERO), np.float32(0.05), 3, np.float32(0.03), ZERO)


@compiled()
def _diffuse(
    lamps: Lamps,
    normal: Vector,
    key: np.float32,
    lit: np.float32,
    wrap: Vector,
    skin: bool,
    colour: Vector,
    open_: Vector,
) -> Vector:
    """Light that is scattered: key with its shadow, fill, sky and ground."""
    # Shadow edges on skin are tinted: red light travels furthest below the surface.
    soft = lit * (TWO - lit)
    key_r = max((key + wrap[0]) / (ONE + wrap[0]), ZERO) * (soft if skin else lit)
    key_g = max((key + wrap[1]) / (ONE + wrap[1]), ZERO) * lit
    key_b = max((key + wrap[2]) / (ONE + wrap[2]), ZERO) * lit
    if skin:
        # Light that went round below the surface fades out gently, without an edge.
        key_r *= np.float32(0.6) + np.float32(0.4) * key_r
        key_g *= np.float32(0.6) + np.float32(0.4) * key_g
        key_b *= np.float32(0.6) + np.float32(0.4) * key_b
    side = dot(normal, lamps.fill) + np.float32(0.3)
    side = max(side / np.float32(1.3), ZERO)
    up = normal[1] * HALF + HALF
    down = ONE - up
    direct = np.float32(0.45) + np.float32(0.55) * open_[1]
    around_r = side * lamps.fill_colour[0] + up * lamps.sky[0] + down * lamps.ground[0]
    around_g = side * lamps.fill_colour[1] + up * lamps.sky[1] + down * lamps.ground[1]
    around_b = side * lamps.fill_colour[2] + up * lamps.sky[2] + down * lamps.ground[2]
    return (
        colour[0] * (key_r * lamps.key_colour[0] * direct + open_[0] * around_r),
        colour[1] * (key_g * lamps.key_colour[1] * direct + open_[1] * around_g),
        colour[2] * (key_b * lamps.key_colour[2] * direct + open_[2] * around_b),
    )


@compiled()
def _highlights(
    lamps: Lamps,
    normal: Vector,
    view: Vector,
    key: np.float32,
    lit: np.float32,
    finish: _Finish,
    colour: Vector,
    open_: np.float32,
) -> Vector:
    """Light that is mirrored (Blinn and Phong's, stronger at grazing angles), and the rim's."""
    grazing = ONE - max(dot(normal, view), ZERO)
    grazing *= grazing
    fresnel = finish.base + (ONE - finish.base) * grazing * grazing * HALF
    norm = np.float32(1 << finish.sharp) + np.float32(8.0)
    shine = _lobe(normal, view, lamps.key, finish.sharp)
    # A sharpness of four times the exponent has about three times the height.
    shine *= ONE - finish.wet + np.float32(3.0) * finish.wet * shine * shine * shine
    shine *= lit * max(key, ZERO) * norm * np.float32(0.125)
    glow = _lobe(normal, view, lamps.fill, finish.sharp)
    glow *= norm * np.float32(0.02) * open_
    strength = finish.gloss * fresnel * open_
    rim = max(dot(normal, lamps.rim), ZERO) * grazing * open_ * np.float32(0.55)
    pale = np.float32(0.08)
    return (
        strength * (shine * lamps.key_colour[0] + glow * lamps.fill_colour[0])
        + rim * (lamps.rim_colour[0] * (colour[0] + pale)),
        strength * (shine * lamps.key_colour[1] + glow * lamps.fill_colour[1])
        + rim * (lamps.rim_colour[1] * (colour[1] + pale)),
        strength * (shine * lamps.key_colour[2] + glow * lamps.fill_colour[2])
        + rim * (lamps.rim_colour[2] * (colour[2] + pale)),
    )


@compiled()
def _lobe(normal: Vector, view: Vector, towards: Vector, sharp: int) -> np.float32:
    """How much a surface mirrors a light at the viewer."""
    middle = (towards[0] + view[0], towards[1] + view[1], towards[2] + view[2])
    shine = max(dot(normal, middle) * (ONE / np.sqrt(dot(middle, middle))), ZERO)
    for _ in range(sharp):
        shine *= shine
    return shine


@compiled()
def _shadow(shadow: Float, point: Vector) -> np.float32:
    """Share of key light 0..1 at a point of the shadow map: a soft window of 3 x 3 pixels."""
    x, y, z = point
    size = shadow.shape[0]
    cx, cy = int(np.floor(x - np.float32(1.5))), int(np.floor(y - np.float32(1.5)))
    if cx < 0 or cy < 0 or cx + 3 >= size or cy + 3 >= size:
        return ONE
    tx = x - np.float32(1.5) - np.float32(cx)
    ty = y - np.float32(1.5) - np.float32(cy)
    total = ZERO
    for j in range(4):
        wy = ONE - ty if j == 0 else (ty if j == 3 else ONE)
        line = ZERO
        for i in range(4):
            # Over 5 mm from touching to fully shadowed: no hard edges, no speckles.
            behind = (shadow[cy + j, cx + i] - z) * np.float32(0.2)
            light = ONE - clip(behind)
            line += light * (ONE - tx if i == 0 else (tx if i == 3 else ONE))
        total += line * wy
    return total * np.float32(1.0 / 9.0)


@compiled()
def _toned(tone: Float, light: np.float32) -> np.float32:
    """Linear light as sRGB 0..255."""
    steps, last = np.float32((TONE_STEPS - 1) / TONE_MAX), np.float32(TONE_STEPS - 1)
    return tone[int(min(max(light * steps, ZERO), last))]

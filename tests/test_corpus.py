"""Reading corpora that the tests write."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dreamtalk_core.corpus import head_angles, read_manifest, read_pairs
from dreamtalk_core.errors import CorpusError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX

HEADER = "id\tsplit\tlicence\tspeaker\n"


def write_sound(path: Path, seconds: float = 2.0) -> None:
    rng = np.random.default_rng(0)
    samples = (8000 * rng.standard_normal(int(seconds * 16_000)).clip(-3, 3)).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        frame.sample_rate = 16_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


def write_tracked(corpus: Path, name: str, speaker: str, frames: int = 50) -> np.ndarray:
    """A tracked clip whose jaw moves over a resting offset; returns the jaw's movement."""
    (corpus / "clips").mkdir(parents=True, exist_ok=True)
    movement = np.clip(np.sin(np.arange(frames) / 3), 0, None) * 0.3
    arkit = np.full((frames, 52), 0.05, np.float32)
    arkit[:, INDEX["jawOpen"]] += movement
    quaternion = np.tile(np.array([0, 0, 0, 1], np.float32), (frames, 1))
    stem = corpus / "clips" / name
    np.savez(
        stem.with_name(name + ".npz"),
        arkit=arkit.astype(np.float16),
        head_quat=quaternion,
        lip_gap=movement / 3,
        lip_width=1 - movement / 2,
    )
    write_sound(stem.with_name(name + ".flac"), frames / 25)
    manifest = corpus / "manifest.tsv"
    if not manifest.exists():
        manifest.write_text(HEADER, encoding="utf-8")
    with manifest.open("a", encoding="utf-8") as file:
        file.write(f"{name}\ttrain\tCC0\t{speaker}\n")
    return movement


def test_a_tracked_clip_comes_without_its_resting_offset(tmp_path: Path) -> None:
    movement = write_tracked(tmp_path, "a.1", "Åse")
    (clip,) = read_manifest(tmp_path)
    assert (clip.id, clip.split, clip.licence, clip.speaker) == ("a.1", "train", "CC0", "Åse")
    np.testing.assert_allclose(clip.motion.channel("jawOpen"), movement, atol=1e-3)
    assert np.abs(np.delete(clip.weights, INDEX["jawOpen"], 1)).max() < 1e-3
    assert clip.observed.all()
    assert len(clip.waveform()) == 2 * 16_000
    np.testing.assert_allclose(clip.lip_gap, movement / 3, atol=1e-6)


def test_rows_are_chosen_by_column(tmp_path: Path) -> None:
    write_tracked(tmp_path, "one", "A")
    write_tracked(tmp_path, "two", "B")
    assert [clip.id for clip in read_manifest(tmp_path, {"speaker": ["B"]})] == ["two"]
    assert not list(read_manifest(tmp_path, {"speaker": ["B"], "licence": ["MIT"]}))


def test_pairs_of_motion_and_sound(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).uniform(0, 1, (60, 52)).astype(np.float32)
    Motion(ARKIT_NAMES, weights, Fraction(30)).save(tmp_path / "take.csv")
    write_sound(tmp_path / "take.flac")
    (clip,) = read_pairs(tmp_path, "mine", "me", {})
    assert clip.motion.fps == 30
    assert clip.weights.shape == (60, 52)
    assert np.isnan(clip.lip_gap).all()


def test_another_rig_is_mapped_and_the_rest_is_unknown(tmp_path: Path) -> None:
    curves = np.random.default_rng(0).uniform(0, 0.5, (60, 2)).astype(np.float32)
    np.savez(
        tmp_path / "t.npz", names=np.array(["chin", "kiss"]), weights=curves, fps=np.float32(29.97)
    )
    write_sound(tmp_path / "t.flac")
    channels = {"jawOpen": {"chin": 1.0, "kiss": 0.5}, "mouthClose": {}}
    (clip,) = read_pairs(tmp_path, "mine", "me", channels)
    expected = curves[:, 0] + 0.5 * curves[:, 1]
    np.testing.assert_allclose(clip.motion.channel("jawOpen"), expected, atol=1e-6)
    assert clip.observed.sum() == 2
    assert not clip.head_observed
    assert clip.motion.fps == Fraction(30000, 1001)


def test_head_angles_follow_the_convention() -> None:
    angles = np.radians([[20, 0, 0], [0, 30, 0], [0, 0, -15], [10, -25, 5]]) / 2
    quaternions = []
    for pitch, yaw, roll in angles:
        x = np.array([np.sin(pitch), 0, 0, np.cos(pitch)])
        y = np.array([0, np.sin(yaw), 0, np.cos(yaw)])
        z = np.array([0, 0, np.sin(roll), np.cos(roll)])
        quaternions.append(product(product(y, x), z))
    found = head_angles(np.array(quaternions))
    expected = np.degrees(2 * angles)
    np.testing.assert_allclose(found, expected - expected.mean(0), atol=1e-4)


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    vector = a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3])
    return np.append(vector, a[3] * b[3] - a[:3] @ b[:3])


def test_damage_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"manifest\.tsv"):
        list(read_manifest(tmp_path))
    with pytest.raises(CorpusError, match="no sound files"):
        list(read_pairs(tmp_path, "", "", {}))
    write_tracked(tmp_path, "a", "A")
    (tmp_path / "clips" / "a.npz").write_bytes(b"not an archive")
    with pytest.raises(CorpusError, match=r"a\.npz"):
        list(read_manifest(tmp_path))
    (tmp_path / "clips" / "a.npz").unlink()
    with pytest.raises(CorpusError, match="endings"):
        list(read_manifest(tmp_path))

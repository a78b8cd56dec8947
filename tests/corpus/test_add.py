"""Adding takes to a corpus: what becomes of good ones and of others."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dreamtalk_core.animation.calibration import resting_face
from dreamtalk_core.corpus import add as adding
from dreamtalk_core.corpus import read_manifest
from dreamtalk_core.corpus.add import About, Added, add_folder, pieces, write_flac
from dreamtalk_core.corpus.check import check_corpus
from dreamtalk_core.corpus.manifest import read_rows
from dreamtalk_core.corpus.takes import find_takes
from dreamtalk_core.errors import CorpusError
from dreamtalk_core.models.lip_expert import Sync
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.speech.audio import Speech

ME = About("Åse", "mine", "nb")


def wave(seconds: float, level: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(round(1000 * seconds))
    loud = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(int(seconds * 16_000)) / 16_000)
    return (level * loud * rng.standard_normal(len(loud))).clip(-1, 1).astype(np.float32)


def write_take(folder: Path, name: str, seconds: float = 4.0, level: float = 0.1) -> Motion:
    folder.mkdir(parents=True, exist_ok=True)
    frames = int(seconds * 60)
    weights = np.full((frames, 52), 0.04, np.float32)
    weights[:, INDEX["jawOpen"]] += 0.2 * np.abs(np.sin(np.arange(frames) / 20))
    turn = np.stack([8 * np.sin(np.arange(frames) / 90), np.zeros(frames), np.zeros(frames)], 1)
    motion = Motion(ARKIT_NAMES, weights, Fraction(60), turn)
    motion.save(folder / f"{name}.csv")
    write_flac(folder / f"{name}.flac", wave(seconds, level))
    return motion


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> dict[str, Sync]:
    """What the lip expert says of the takes by name, instead of the expert: in sync if nothing."""
    said: dict[str, Sync] = {}

    def measure(speech: Speech, motion: Motion) -> Sync:
        return said.get(Path(speech.source).stem, Sync(0, 3.0, 0.9))

    monkeypatch.setattr(adding, "measure_sync", measure)
    return said


@pytest.fixture
def add(tmp_path: Path, judged: dict[str, Sync]) -> Callable[[], Added]:
    return lambda: add_folder(tmp_path / "takes", tmp_path / "corpus", lambda take: ME)


def test_a_take_becomes_a_clip_that_the_corpus_reads(
    tmp_path: Path, add: Callable[[], Added]
) -> None:
    motion = write_take(tmp_path / "takes", "one")
    assert not add().useless
    (clip,) = read_manifest(tmp_path / "corpus")
    assert (clip.speaker, clip.licence, clip.split) == ("Åse", "mine", "train")
    expected = motion.resample(25).weights
    moved = (expected - resting_face(expected)).clip(0)
    np.testing.assert_allclose(clip.weights, moved, atol=1e-6)
    turn = motion.resample(25).head_rotation
    np.testing.assert_allclose(clip.motion.head_rotation, turn - turn.mean(0), atol=1e-3)
    heard, said = clip.waveform(), Speech.from_array(wave(4.0), 16_000).waveform
    assert np.abs(heard - said).max() < 1e-3
    assert np.isnan(clip.lip_gap).all()  # a phone does not measure it
    assert check_corpus(tmp_path / "corpus").faults == []


@pytest.mark.parametrize("late", [3, -3])
def test_lips_are_moved_into_sync(
    late: int, tmp_path: Path, add: Callable[[], Added], judged: dict[str, Sync]
) -> None:
    motion = write_take(tmp_path / "takes", "one").resample(25)
    judged["one"] = Sync(late, 3.0, 0.2)
    (row,) = add().clips["one.flac"]
    assert row["av_shift_frames"] == str(late)
    (clip,) = read_manifest(tmp_path / "corpus")
    jaw = motion.channel("jawOpen")[max(0, late) : len(motion) + min(0, late)]
    np.testing.assert_allclose(
        clip.motion.channel("jawOpen"), (jaw - np.percentile(jaw, 10)).clip(0), atol=1e-3
    )
    said = Speech.from_array(wave(4.0), 16_000).waveform[max(0, -late) * 640 :]
    heard = clip.waveform()
    assert np.corrcoef(heard, said[: len(heard)])[0, 1] > 0.999
    assert len(heard) == 640 * len(clip.motion) == 640 * 97


def test_a_take_that_is_unsure_follows_the_others(
    tmp_path: Path, add: Callable[[], Added], judged: dict[str, Sync]
) -> None:
    for index, name in enumerate(("a", "b", "short", "dubbed", "other")):
        write_take(tmp_path / "takes", name, 2.0 + 0.2 * index)
    judged |= {name: Sync(4, 3.0, 0.1) for name in "ab"}
    judged |= {"short": Sync(5, 0.7, 0.1), "dubbed": Sync(-9, 0.5, 0.1), "other": Sync(-2, 3, 0.1)}
    added = add()
    moved = {name: int(rows[0]["av_shift_frames"]) for name, rows in added.clips.items()}
    assert moved == {"a.flac": 4, "b.flac": 4, "short.flac": 4, "other.flac": -2}
    assert "do not belong" in added.useless["dubbed.flac"]
    assert list(added.doubts) == ["other.flac"]


def test_what_cannot_be_used_is_told_with_its_reason(
    tmp_path: Path, add: Callable[[], Added]
) -> None:
    takes = tmp_path / "takes"
    write_take(takes, "good")
    write_take(takes / "deeper", "quiet", level=1e-5)
    write_take(takes, "short", 1.0)
    write_take(takes, "longer")
    write_flac(takes / "longer.flac", wave(9.0))
    write_take(takes, "mute")
    (takes / "mute.flac").unlink()
    write_flac(takes / "lonely.flac", wave(2.0))
    (takes / "broken.csv").write_text("Timecode,nothing\n", encoding="utf-8")
    write_flac(takes / "broken.flac", wave(2.5))
    for suffix in (".csv", ".flac"):
        (takes / f"the good{suffix}").write_bytes((takes / f"good{suffix}").read_bytes())
    (takes / "notes.txt").write_text("hello", encoding="utf-8")
    added = add()
    assert list(added.clips) == ["good.flac"]
    words = {
        "deeper/quiet.flac": "too quiet",
        "short.flac": "shorter than 1.6 s",
        "longer.flac": "of different takes",
        "mute.csv": "no sound or video",
        "lonely.flac": "no motion file",
        "broken.flac": "Live Link",
        "the good.flac": "the same as good.flac",
    }
    assert added.useless.keys() == words.keys()
    assert all(word in added.useless[name] for name, word in words.items())


def test_a_run_that_was_stopped_goes_on_and_changes_nothing(
    tmp_path: Path, add: Callable[[], Added], monkeypatch: pytest.MonkeyPatch
) -> None:
    for index, name in enumerate("abc"):
        write_take(tmp_path / "takes", name, 3.0 + index)
    write, calls = adding.write_flac, 0

    def stopped(path: Path, sound: np.ndarray) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        write(path, sound)

    monkeypatch.setattr(adding, "write_flac", stopped)
    with pytest.raises(KeyboardInterrupt):
        add()
    manifest = tmp_path / "corpus" / "manifest.tsv"
    assert len(read_rows(manifest)) == 1
    monkeypatch.setattr(adding, "write_flac", write)
    first = {path: path.read_bytes() for path in (tmp_path / "corpus" / "clips").glob("*a_*")}
    added = add()
    assert (added.known, sorted(added.clips)) == (["a.flac"], ["b.flac", "c.flac"])
    assert {path: path.read_bytes() for path in first} == first
    assert check_corpus(tmp_path / "corpus").faults == []
    assert add().known == ["a.flac", "b.flac", "c.flac"]
    assert len(read_rows(manifest)) == 3


def test_a_manifest_keeps_its_own_columns(tmp_path: Path, add: Callable[[], Added]) -> None:
    write_take(tmp_path / "takes", "one")
    (tmp_path / "corpus").mkdir()
    manifest = tmp_path / "corpus" / "manifest.tsv"
    manifest.write_text("id\tsplit\tlicence\tspeaker\tmood\nold\tdev\tCC0\tB\tgay\n", "utf-8")
    add()
    old, new = read_rows(manifest)
    assert (old["id"], old["mood"], old["seconds"]) == ("old", "gay", "")
    assert (new["speaker"], new["mood"], new["language"]) == ("Åse", "", "nb")


def test_takes_of_the_app_are_found_with_what_lies_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / "MySlate_1_iPhone"
    folder.mkdir()
    for name in ("MySlate_1.mov", "MySlate_1_raw.csv", "MySlate_1_cal.csv", "MySlate_1_neutral.csv",
                 "frame_log.csv", "take.json", ".hidden.mp4", "thumbnail.jpg"):  # fmt: skip
        (folder / name).touch()
    takes, useless = find_takes(tmp_path)
    assert [(take.name, take.motion and take.motion.name) for take in takes] == [
        ("MySlate_1_iPhone/MySlate_1.mov", "MySlate_1_raw.csv")
    ]
    assert not useless
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(CorpusError, match="has no takes"):
        find_takes(empty)


def test_long_takes_are_cut_where_it_is_quiet() -> None:
    level = np.ones(700, np.float32)
    level[200:210] = 0.01
    seen = np.ones(700, bool)
    seen[600:610] = False
    spans = list(pieces(seen, level))
    assert spans[0][1] in range(200, 210)
    assert all(40 <= stop - start <= 250 for start, stop in spans)
    assert all(seen[start:stop].all() for start, stop in spans)
    assert sum(stop - start for start, stop in spans) == 690


def test_check_of_takes_says_how_to_make_a_corpus_of_them(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"holds no manifest\.tsv.*dreamtalk corpus add"):
        check_corpus(tmp_path)
    with pytest.raises(CorpusError, match="cannot be read"):
        check_corpus(tmp_path / "nowhere")


def test_check_tells_what_is_missing(tmp_path: Path, add: Callable[[], Added]) -> None:
    write_take(tmp_path / "takes", "one")
    write_take(tmp_path / "takes", "two", 5.0)
    added = add()
    corpus = tmp_path / "corpus"
    assert check_corpus(corpus).minutes[("Åse", "mine", "train")] == pytest.approx(9 / 60, rel=0.01)
    (corpus / "clips" / f"{added.clips['one.flac'][0]['id']}.flac").unlink()
    (corpus / "clips" / "stray.npz").touch()
    faults = check_corpus(corpus).faults
    assert len(faults) == 2
    assert any("stray.npz is not in the manifest" in fault for fault in faults)

"""Makes an animation sequence of a table of DreamTalk's, in Unreal's editor.

    dreamtalk convert take.npz line.metahuman.csv

In Unreal 5 with the Python Editor Script Plugin on: Tools > Execute Python Script, or on the
console

    py "FOLDER/unreal_import.py" "FOLDER/line.metahuman.csv" /Game/Voices

The sequence lies in that folder (/Game/DreamTalk if none is given), is for the skeleton of
MetaHuman faces, and has a float curve for every column: the controls, and the head's angles.
"""

import csv
import sys
from pathlib import Path

SKELETON = "/Game/MetaHumans/Common/Face/Face_Archetype_Skeleton"


def read_table(path):
    """Times in seconds, and column -> values, of a table of DreamTalk's."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        values = [[float(value) for value in row] for row in rows if row]
    if header[:1] != ["Time"] or not values:
        raise ValueError(f"{path} is no table of DreamTalk's: its first column must be Time.")
    columns = {name: [row[i] for row in values] for i, name in enumerate(header)}
    return columns.pop("Time"), columns


def rate_of(times):
    """Frames a second as numerator and denominator."""
    if len(times) < 2:
        return 60, 1
    rate = (len(times) - 1) / (times[-1] - times[0])
    for numerator in (24000, 30000, 60000, 120000):
        if abs(rate - numerator / 1001) < 1e-4:
            return numerator, 1001
    return (round(rate), 1) if abs(rate - round(rate)) < 1e-3 else (round(rate * 1000), 1000)


def import_curves(path, folder="/Game/DreamTalk", skeleton=SKELETON):
    """The animation sequence, saved."""
    import unreal

    times, curves = read_table(path)
    name = Path(path).name.split(".")[0]
    factory = unreal.AnimSequenceFactory()
    factory.set_editor_property("target_skeleton", unreal.load_asset(skeleton))
    tools = unreal.AssetToolsHelpers.get_asset_tools()
    sequence = tools.create_asset(name, folder, unreal.AnimSequence, factory)
    if sequence is None:
        raise RuntimeError(f"Cannot make {folder}/{name}. Is it there already?")
    controller = sequence.controller
    controller.open_bracket(f"Import {name}")
    controller.set_frame_rate(unreal.FrameRate(*rate_of(times)))
    controller.set_number_of_frames(unreal.FrameNumber(len(times)))
    controller.close_bracket()
    library = unreal.AnimationLibrary
    for curve, values in curves.items():
        library.add_curve(sequence, curve, unreal.RawCurveTrackTypes.RCT_FLOAT, False)
        library.add_float_curve_keys(sequence, curve, times, values)
    unreal.EditorAssetLibrary.save_loaded_asset(sequence)
    return sequence


if __name__ == "__main__":
    print(import_curves(*sys.argv[1:]).get_path_name())

"""A batch on a Ray cluster of two machines, one of which is lost on the way."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dreamtalk_core.batch.local import run_local
from dreamtalk_core.batch.run import Batch, run_batch
from dreamtalk_core.errors import BatchError

COUNT = 8
ROOT = Path(__file__).resolve().parents[2]


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from dreamtalk_core.batch.on_ray import run_ray

    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(BatchError, match=r"pip install dreamtalk\[ray\]"):
        run_ray("auto")


@pytest.mark.slow
def test_a_machine_is_lost(
    tmp_path: Path, demo_voice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray
    from ray.cluster_utils import Cluster

    from dreamtalk_core.batch.on_ray import cluster_cores, run_ray

    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    monkeypatch.setenv("PYTHONPATH", paths)
    table = tmp_path / "lines.csv"
    rows = [f"line{i},{demo_voice.as_posix()},{i}" for i in range(COUNT)]
    table.write_text("\n".join(["id,audio,seed", *rows]) + "\n", encoding="utf-8")
    memory = {"object_store_memory": 100_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **memory})
    events: list[dict[str, Any]] = []
    try:
        # Whoever asks goes down with the machine that it has asked, which is the first one.
        runner = run_ray(cluster.address)
        other = cluster.add_node(num_cpus=1, **memory)
        assert cluster_cores() == 2

        def report(event: dict[str, Any]) -> None:
            events.append(event)
            if (
                sum(one["event"] == "row" for one in events) == 2
                and other in cluster.list_all_nodes()
            ):
                cluster.remove_node(other, allow_graceful=False)

        on_ray = Batch(table, tmp_path / "ray", jobs=2, grade=False)
        counts, _ = run_batch(on_ray, report, runner)
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert counts["done"] == COUNT
    assert other not in cluster.list_all_nodes()
    here = Batch(table, tmp_path / "here", jobs=2, grade=False)
    run_batch(here, lambda _: None, run_local)
    files = [
        {path.name: path.read_bytes() for path in folder.iterdir()}
        for folder in (tmp_path / "ray", tmp_path / "here")
    ]
    assert files[0] == files[1]
    assert len(files[0]) == 2 * COUNT + 2  # curves and how each was made; ledger and page

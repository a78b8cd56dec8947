"""Checks of the extension's life, and of its worker's misfortunes."""

from __future__ import annotations

import gc
import os
import stat
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import bpy
from asking import refusal

VOICE = Path(__file__).parents[3] / "dreamtalk_core" / "assets" / "demo_voice.flac"


def a_life(session: Any) -> None:
    """Install, enable, run, disable, enable again, uninstall: nothing is left."""
    before = _traces()
    session.install()
    assert _traces() != before
    assert not [name for name in sys.modules if name.split(".")[0] in ("dreamtalk_core", "worker")]
    service = session.state.service
    output = session.folder / "zeile ä.npz"
    answer = service.wait(_animate(service, output))
    motion = session.part("dreamtalk_core.motion").Motion.load(output)
    assert len(motion) == answer["frames"] == 332  # 13.84 s at 24 fps
    worker = service.worker._process.popen
    temporary = Path(bpy.app.tempdir)
    assert list(temporary.iterdir())

    bpy.ops.preferences.addon_disable(module=session.home)
    assert worker.poll() is not None, "the worker is left"
    assert not list(temporary.iterdir()), "files are left"
    _same(before)

    bpy.ops.preferences.addon_enable(module=session.home)
    session.preferences.python = str(session.worker)
    service = session.state.service
    service.wait(_animate(service, output))
    _uninstall()
    _same(before)
    folder = Path(os.environ["BLENDER_USER_RESOURCES"], "extensions")
    assert not [path for path in folder.rglob("*") if "dreamtalk" in path.name.lower()]


def an_update(session: Any) -> None:
    """Installed over itself in a session in which it has been used."""
    session.install()
    before = _traces()
    service = session.state.service
    service.wait(service.request("hello", protocol=3))
    worker = service.worker._process.popen
    session.install()
    assert worker.poll() is not None
    again = session.state.service
    assert again is not service
    again.wait(again.request("hello", protocol=3))
    _same(before)


def twice(session: Any) -> None:
    """Disabled in the middle of its work and enabled again, two times over: nothing is left."""
    session.install()
    traces = _traces()
    for _ in range(2):
        state = session.state
        state.job = session.part("client.jobs").Job(
            [{"speech": str(VOICE), "style": "happy", "fps": "24"}], state.service
        )
        _until(state.service, lambda job=state.job: job.step() or job.progress > 0)
        assert state.styles.entries
        process, timer = state.service.worker._process.popen, state.service.timer
        assert bpy.app.timers.is_registered(timer)
        del state
        bpy.ops.preferences.addon_disable(module=session.home)
        assert process.poll() is not None, "the worker is left"
        assert not bpy.app.timers.is_registered(timer)
        del timer
        assert not list(Path(bpy.app.tempdir).iterdir()), "files are left"
        assert not _left(session)
        bpy.ops.preferences.addon_enable(module=session.home)
        _same(traces)
        session.preferences.python = str(session.worker)


def scripts_reloaded(session: Any) -> None:
    """Reload Scripts runs the package's code again and registers nothing: all goes on, and when
    the extension is disabled afterwards nothing is left."""
    bpy.ops.script.reload()  # once, so that Blender's own add-ons have settled
    before = _traces()
    session.install()
    installed = _traces()
    service = session.state.service
    service.wait(service.request("hello", protocol=3))
    process = service.worker._process.popen
    bpy.ops.script.reload()
    _same(installed)
    assert session.state.service is service
    assert service.wait(service.request("hello", protocol=3))
    del service
    bpy.ops.preferences.addon_disable(module=session.home)
    assert process.poll() is not None, "the worker is left"
    assert not _left(session)
    _same(before)
    bpy.ops.preferences.addon_enable(module=session.home)
    _same(installed)


def _left(session: Any) -> list[Any]:
    """What of the extension's state is still in memory."""
    gc.collect()
    kinds = {"State", "Service", "StyleMenu", "Wheel", "Worker", "Process", "Job", "Task"}
    return [
        own
        for own in gc.get_objects()
        if type(own).__name__ in kinds and type(own).__module__.startswith(session.home)
    ]


def no_python(session: Any) -> None:
    session.install()
    nowhere = session.folder / "empty"
    nowhere.mkdir()
    for named, words in (("/no/such/python", "does not exist"), (str(nowhere), "holds no Python")):
        session.preferences.python = named
        assert words in _refusal(session)
    assert "holds no Python" in _check_button()
    session.preferences.python = str(session.worker)
    assert _check_button() == ""


def not_a_python(session: Any) -> None:
    """A file that cannot be run, one that does something else, and one that ends at once."""
    session.install()
    text = session.folder / "python.txt"
    text.write_text("no program", encoding="utf-8")
    session.preferences.python = str(text)
    assert "could not be started" in _refusal(session)
    session.preferences.python = _program(session, "print('hello'); raise SystemExit(3)")
    assert "exit code 3" in _failure(session)


def a_python_without_dreamtalk(session: Any) -> None:
    session.install()
    bare = session.folder / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    session.preferences.python = str(bare)
    assert "There is no DreamTalk in" in _failure(session)


def another_version(session: Any) -> None:
    session.install()
    answer = '{"id": 0, "result": {"protocol": 99, "version": "9.0"}}'
    session.preferences.python = _program(
        session, f"print('{answer}', flush=True); input(); input()"
    )
    assert "another version of DreamTalk" in _failure(session)
    session.preferences.python = str(session.worker)
    service = session.state.service
    assert service.wait(service.request("hello", protocol=3))["protocol"] == 3
    assert "same DreamTalk on both sides" in _failed(session, "hello", protocol=4)


def killed_half_way(session: Any) -> None:
    """The task fails with the end of the log, those behind it are done by another worker."""
    session.install()
    service = session.state.service
    outputs = [session.folder / f"{number}.npz" for number in range(3)]
    tasks = [_animate(service, output) for output in outputs]
    _until(service, lambda: tasks[0].progress > 0)
    service.worker._process.popen.kill()
    _until(service, lambda: all(task.finished for task in tasks))
    assert [task.state for task in tasks] == ["FAILED", "DONE", "DONE"]
    assert "ended by itself (signal 9)" in tasks[0].error
    assert sorted(session.folder.glob("*.npz")) == outputs[1:]


def crashed(session: Any) -> None:
    """Faults of ours show the end of the log."""
    session.install()
    broken = session.folder / "broken python"
    code = (
        "from dreamtalk_core.worker import main, server; "
        "server.Methods._talk = lambda *_: int(None); main()"
    )
    broken.write_text(f'#!/bin/sh\nexec "{session.worker}" -I -X utf8 -c "{code}"\n', "utf-8")
    broken.chmod(0o755)
    session.preferences.python = str(broken)
    error = _failed(session, "styles")
    assert error.startswith("DreamTalk has met a fault of its own. TypeError")
    assert "in <lambda>" in error


def cancelled(session: Any) -> None:
    """At once here, soon in the worker, which lives on and leaves no file."""
    session.install()
    service = session.state.service
    finished = []
    output = session.folder / "line.npz"
    tasks = [_animate(service, output, done=finished.append) for _ in range(3)]
    _until(service, lambda: tasks[0].progress > 0)
    worker = service.worker._process.popen
    for task in tasks:
        started = time.perf_counter()
        service.cancel(task)
        assert time.perf_counter() - started < 1
        assert task.state == "CANCELLED"
    _until(service, lambda: not service.worker.busy)
    assert finished == tasks
    assert not list(session.folder.glob("*.npz"))
    assert worker.poll() is None
    assert service.wait(_animate(service, output))["frames"]


def cancelled_while_waited_for(session: Any) -> None:
    session.install()
    service = session.state.service
    task = _animate(service, session.folder / "line.npz")

    def interrupt(done: float) -> None:
        if done > 0:
            raise KeyboardInterrupt

    try:
        service.wait(task, interrupt)
    except KeyboardInterrupt:
        assert task.state == "CANCELLED"
    else:
        raise AssertionError("not interrupted")


def a_worker_that_hangs(session: Any) -> None:
    """One that does not obey is ended, and the next task gets another."""
    session.install()
    answer = '{"id": 0, "result": {"protocol": 3}}'
    session.preferences.python = _program(
        session, f"import time\nprint('{answer}', flush=True)\ntime.sleep(600)"
    )
    service = session.state.service
    first, second = _animate(service, session.folder / "a.npz"), _animate(service, Path("b.npz"))
    _until(service, lambda: service.worker._current is first)
    hanging = service.worker._process.popen
    service.cancel(first)
    _until(service, lambda: service.worker._current is second, 10)
    assert hanging.poll() is not None
    service.cancel(second)
    service.stop()  # it would hang on for its ten minutes


def noise_on_stdout(session: Any) -> None:
    """What a Python prints before the worker takes over does not matter, half a line even."""
    session.install()
    folder = session.folder / "noisy"
    core = VOICE.parents[2]
    session.preferences.python = _program(
        session,
        "import sys\n"
        "print('Welcome!'); print('[1, 2]'); print('{\"id\": 1}'); "
        "print('half', end='', flush=True)\n"
        f"sys.path.insert(0, {str(core)!r})\n"
        "from dreamtalk_core.worker import main\nmain()",
    )
    service = session.state.service
    assert service.wait(_animate(service, session.folder / "line.npz"))["frames"]
    assert not folder.exists()


def the_interface_is_free(session: Any) -> None:
    """Calls return at once, while the worker starts, works and ends."""
    session.install()
    service = session.state.service
    started = time.perf_counter()
    task = _animate(service, session.folder / "line.npz")
    request, polls = time.perf_counter() - started, []
    while not task.finished:
        started = time.perf_counter()
        service.poll()
        polls.append(time.perf_counter() - started)
        time.sleep(0.01)
    assert task.state == "DONE", task.error
    polls.sort()
    usual, longest = polls[len(polls) // 2], polls[-1]
    print(f"request {request:.3f} s, poll {usual:.6f} s, at most {longest:.3f} s")
    assert usual < 0.002
    # Machines that test are busy; what waits for the worker would take seconds.
    assert max(request, longest) < 0.7


def a_timer_polls(session: Any) -> None:
    """It is there while there is something to wait for, and goes by itself."""
    session.install()
    service = session.state.service
    finished: list[Any] = []

    def done(task: Any) -> None:
        finished.append(task)
        raise RuntimeError("of a panel")

    task = service.request("hello", done=done, protocol=3)
    assert bpy.app.timers.is_registered(service.timer)
    sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  (the error is printed there)
    while service.timer() is not None:  # timers do not fire in Blender's module
        time.sleep(0.02)
    sys.stderr = sys.__stderr__
    assert finished == [task]
    assert task.state == "DONE"


def another_file(session: Any) -> None:
    """What was asked for a scene ends with it."""
    session.install()
    service = session.state.service
    task = _animate(service, session.folder / "line.npz")
    bpy.ops.wm.read_homefile(use_empty=True)
    assert task.state == "CANCELLED"
    assert service.running() == ()
    assert service.wait(service.request("hello", protocol=3))


def it_dies_with_blender(session: Any) -> None:
    """A Blender that is killed takes its worker along; this check kills one of its own."""
    code = (
        "import sys, bpy, time; from importlib import import_module; from pathlib import Path\n"
        "bpy.ops.extensions.package_install_files(repo='user_default', filepath=sys.argv[1], "
        "enable_on_install=True)\n"
        "home = 'bl_ext.user_default.dreamtalk'\n"
        "bpy.context.preferences.addons[home].preferences.python = sys.argv[2]\n"
        "service = import_module(home + '.state').state().service\n"
        "task = service.request('animate', speech=sys.argv[3], output=sys.argv[4])\n"
        "while not task.progress: service.poll(); time.sleep(0.02)\n"
        "print('worker', service.worker._process.popen.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    output = session.folder / "line.npz"
    given = [session.extension, session.worker, VOICE, output]
    blender = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, given)], stdout=subprocess.PIPE, text=True
    )
    assert blender.stdout is not None
    worker = next(int(line.split()[1]) for line in blender.stdout if line.startswith("worker"))
    blender.kill()
    blender.wait()
    until = time.monotonic() + 15
    while _lives(worker):
        assert time.monotonic() < until, "the worker lives on"
        time.sleep(0.1)
    # It may just have got ready: then the take is whole.
    assert not list(session.folder.glob(".dreamtalk-*"))


def nothing_is_installed_without_leave(session: Any) -> None:
    session.install()
    bpy.context.preferences.system.use_online_access = False
    assert not bpy.ops.dreamtalk.install_worker.poll()


def an_installation_that_fails(session: Any) -> None:
    """Without a network nothing stays, and pip's own words are shown."""
    os.environ["PIP_NO_INDEX"] = "1"
    # What this machine has for pip is no part of it.
    os.environ["PIP_CONFIG_FILE"] = os.devnull
    os.environ.pop("PIP_FIND_LINKS", None)
    session.install()
    bpy.context.preferences.system.use_online_access = True
    assert bpy.ops.dreamtalk.install_worker.poll()
    shown = refusal(bpy.ops.dreamtalk.install_worker)
    assert "could not be installed" in shown
    assert "No matching distribution" in shown
    own = session.part("client.choice").own_environment()
    assert own.is_relative_to(os.environ["BLENDER_USER_RESOURCES"])
    assert not list(own.parent.iterdir())
    assert bpy.ops.dreamtalk.install_worker.poll()


def its_own_files_go_with_it(session: Any) -> None:
    """An environment that was made with the button is found, used first, and uninstalled too."""
    session.install()
    session.preferences.python = ""
    preferences = session.part("client.choice")
    environment = preferences.own_environment()
    program = session.part("client.runtimes").environment_python(environment)
    program.parent.mkdir(parents=True)
    program.touch()
    (environment / session.part("client.runtimes").STAMP).write_text("0.1.0", encoding="utf-8")
    assert preferences.chosen_runtime(session.state.wheel).python == program
    _uninstall()
    assert not environment.exists()


def _lives(pid: int) -> bool:
    """Whether a process is there and no mere entry that nobody has asked for yet."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


def _animate(service: Any, output: Path, **more: Any) -> Any:
    return service.request(
        "animate", speech=str(VOICE), output=str(output), style="happy", fps="24", **more
    )


def _until(service: Any, good: Any, patience: float = 60) -> None:
    until = time.monotonic() + patience
    while not good():
        assert time.monotonic() < until, "it takes too long"
        service.poll()
        time.sleep(0.005)


def _refusal(session: Any) -> str:
    """Why nothing can be asked for."""
    try:
        session.state.service.request("hello", protocol=3)
    except session.part("dreamtalk_core.errors").DreamTalkError as error:
        return str(error)
    raise AssertionError("not refused")


def _failure(session: Any) -> str:
    return _failed(session, "hello", protocol=3)


def _failed(session: Any, method: str, **params: Any) -> str:
    """The error of a request, which says why once it is waited for."""
    service = session.state.service
    task = service.request(method, **params)
    shown = ""
    try:
        service.wait(task)
    except session.part("client.tasks").WorkerError as error:
        shown = str(error)
    assert task.state == "FAILED"
    assert shown == task.error
    return shown


def _check_button() -> str:
    """What the button in the preferences reports."""
    try:
        bpy.ops.dreamtalk.check_worker()
    except RuntimeError as error:
        return str(error)
    return ""


def _program(session: Any, code: str) -> str:
    """A Python that runs this code whatever it is asked to run."""
    script = session.folder / f"program{len(list(session.folder.iterdir()))}"
    body = session.folder / f"{script.name}.py"
    body.write_text(code, encoding="utf-8")
    # exec: the process that is ended is the Python itself.
    script.write_text(f'#!/bin/sh\nexec "{session.worker}" "{body}"\n', encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)


def _uninstall() -> None:
    repositories = bpy.context.preferences.extensions.repos
    index = next(i for i, own in enumerate(repositories) if own.module == "user_default")
    bpy.ops.extensions.package_uninstall(repo_index=index, pkg_id="dreamtalk")


def _same(before: Counter[str]) -> None:
    """Fails, and says what, if an extension has left something, or taken it away."""
    after = _traces()
    assert after == before, f"left: {after - before}, lost: {before - after}"


def _traces() -> Counter[str]:
    """Whatever an extension could leave behind in Blender, apart from modules not in use."""
    found = [f"type {name}" for name in dir(bpy.types)]
    for kind in ("Action", "Armature", "Bone", "Key", "Mesh", "Object", "PoseBone", "Scene"):
        found += [f"{kind}.{name}" for name in dir(getattr(bpy.types, kind))]
    found += [f"WindowManager.{name}" for name in dir(bpy.types.WindowManager)]
    for name in dir(bpy.ops):
        found += [f"operator {name}.{own}" for own in dir(getattr(bpy.ops, name))]
    found += [f"add-on {own.module}" for own in bpy.context.preferences.addons]
    for name in dir(bpy.app.handlers):
        if isinstance(handlers := getattr(bpy.app.handlers, name), list):
            found += [f"{name} {handler.__module__}" for handler in handlers]
    for name in dir(bpy.types):
        draw = getattr(getattr(bpy.types, name), "draw", None)
        functions = getattr(draw, "_draw_funcs", ())
        # Blender keeps a menu's own function there, too, once anything has been added.
        found += [f"{name} {own.__module__}" for own in functions if "bl_ext" in own.__module__]
    return Counter(found)

"""What networks run on: which device, and how many threads of the CPU.

Our networks are small. On several threads each of their many short steps ends with a wait for the
slowest thread, and where something else uses the cores too, as in a ComfyUI or a Blender, that
thread is waiting for a core itself: measured, 4 to 70 times slower than on one thread. So a network
runs on one thread, and where there is more to do than one call, calls run side by side.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from dreamtalk_core.errors import DreamTalkError, shown

Item = TypeVar("Item")
Result = TypeVar("Result")


def choose_device(name: str | torch.device) -> torch.device:
    """A torch device by name, or the best there is for `auto`: CUDA, Apple's GPU, or the CPU.

    Raises DreamTalkError for one that cannot be used here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        # A result that is read: some devices, such as meta, have tensors and do not calculate.
        (torch.ones(1, device=device) + 1).item()
    except (RuntimeError, AssertionError, ImportError, ValueError) as error:
        raise DreamTalkError(
            f"Device '{shown(name)}' cannot be used here ({shown(error, 100)}). Try auto or cpu."
        ) from error
    return device


class _Threads:
    """How many threads torch uses, of which the host that we run in is the owner."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._own = threading.local()
        self.outside = 1
        """What it was when the first of those now inside came."""

    @contextmanager
    def one(self) -> Iterator[None]:
        """One within the `with`, for this thread; afterwards what it was before."""
        if getattr(self._own, "inside", False):
            yield
            return
        with self._lock:
            # Asked first even where the answer is of no use: at its first question a new thread
            # takes over what any thread has set last, which may be our one.
            found = torch.get_num_threads()
            if self._inside == 0:
                self.outside = found
            self._inside += 1
            torch.set_num_threads(1)
        self._own.inside = True
        try:
            yield
        finally:
            self._own.inside = False
            if pool := self._own.__dict__.pop("pool", None):
                pool.shutdown(cancel_futures=True)
            with self._lock:
                self._inside -= 1
                torch.set_num_threads(self.outside)

    @contextmanager
    def pool(self) -> Iterator[ThreadPoolExecutor]:
        """Workers, as many as there were threads outside: the same for all that is within `one`.

        Each new thread may get a heap of its own from the system, and what is free in one is no use
        to another: with a pool for every few windows, memory would grow with their number.
        """
        if not getattr(self._own, "inside", False):
            with self._new_pool() as pool:
                yield pool
            return
        if not hasattr(self._own, "pool"):
            self._own.pool = self._new_pool()
        yield self._own.pool

    def _new_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.outside, thread_name_prefix="dreamtalk")


_threads = _Threads()


@contextmanager
def inference() -> Iterator[None]:
    """For networks at work: on one thread each, and without what only training needs.

    Also a decorator of functions, but not of generators. Torch's own setting is back at the end.
    """
    with _threads.one(), torch.inference_mode():
        yield


def side_by_side(
    function: Callable[[Item], Result], items: Sequence[Item], device: torch.device
) -> Iterator[Result]:
    """`function` of each item, in order; on a CPU several at a time, each on one thread.

    As many at a time as torch is set to use threads; results are not made far ahead of whoever
    takes them. What the function raises is raised where its result would come.
    """

    def work(item: Item) -> Result:
        with inference():
            return function(item)

    with _threads.one():
        workers = min(_threads.outside, len(items)) if device.type == "cpu" else 1
    if workers < 2:
        yield from map(work, items)
        return
    with _threads.pool() as pool:
        waiting = deque(pool.submit(work, item) for item in items[:workers])
        try:
            for item in items[workers:]:
                result = waiting.popleft().result()
                waiting.append(pool.submit(work, item))
                yield result
            while waiting:
                yield waiting.popleft().result()
        finally:
            for unwanted in waiting:
                unwanted.cancel()


@contextmanager
def without_memory() -> Iterator[None]:
    """Networks that are built within have shapes and no numbers, which would only cost time."""
    with torch.device("meta"), _Undrawn():
        yield


_DRAW = {
    *(torch.Tensor.normal_, torch.Tensor.uniform_),
    *(nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_),
}


_FILLED = {torch.ones, torch.randn, torch.zeros}


class _Undrawn(TorchFunctionMode):
    """Nothing is filled or drawn: where there are no numbers, PyTorch loads its compiler to make
    them, which takes up to two seconds and 90 MB."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        if func in _DRAW:
            return args[0] if args else given["tensor"]
        return (torch.empty if func in _FILLED else func)(*args, **given)

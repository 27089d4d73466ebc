"""One method, two ways to call it: ``owner.publish(…)`` in a script, ``await owner.publish.aio(…)`` in async code."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

P = ParamSpec("P")
R = TypeVar("R")


class HasLoop(Protocol):
    """Whatever can run a coroutine to its end for a caller without an event loop."""

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Run it and return its result."""


S = TypeVar("S", bound=HasLoop)


class BoundVerb(Generic[P, R]):
    """A verb of one object. Calling it blocks; ``aio`` gives the coroutine."""

    def __init__(self, owner: HasLoop, function: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]) -> None:
        functools.update_wrapper(self, function)
        self._owner = owner
        self._function = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it, on the session's own event loop, and return when it is done."""
        return self._owner.run(self._function(self._owner, *args, **kwargs))

    def aio(self, *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        """The same as a coroutine, for a session that was opened inside an event loop."""
        return self._function(self._owner, *args, **kwargs)


class Verb(Generic[S, P, R]):
    """The descriptor that ``verb`` makes."""

    def __init__(self, function: Callable[Concatenate[S, P], Coroutine[Any, Any, R]]) -> None:
        self.__doc__ = function.__doc__
        self._function = function

    @overload
    def __get__(self, instance: None, owner: type[S]) -> Verb[S, P, R]: ...
    @overload
    def __get__(self, instance: S, owner: type[S]) -> BoundVerb[P, R]: ...
    def __get__(self, instance: S | None, owner: type[S]) -> Verb[S, P, R] | BoundVerb[P, R]:
        return self if instance is None else BoundVerb(instance, self._function)


def verb(function: Callable[Concatenate[S, P], Coroutine[Any, Any, R]]) -> Verb[S, P, R]:
    """Make an ``async def`` method callable from plain code as well."""
    return Verb(function)

"""The cache folder: where it is, and that what has a name in it is whole."""

from __future__ import annotations

import errno
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tpre_offchain.cli.fetch.cache import CacheUnusable, cache_folder, find_kept, keep


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tpre"


def write(folder: Path) -> None:
    (folder / "program").write_text("whole")


def test_cache_folder__relative_or_no_xdg_variable__lies_below_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path("/home/somebody/.cache/tpre")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path("/home/somebody/.cache/tpre")


def test_keep__missing__fills_it_once_for_the_user_alone(cache: Path) -> None:
    assert find_kept("a-1") is None
    assert not cache.exists()
    assert keep("a-1", write) == cache / "a-1" == find_kept("a-1")
    assert (cache / "a-1" / "program").read_text() == "whole"
    assert [path.stat().st_mode & 0o777 for path in (cache, cache / "a-1")] == [0o700, 0o700]
    keep("a-1", lambda _: pytest.fail("it is there"))


def test_keep__filling_fails__leaves_nothing(cache: Path) -> None:
    def interrupted(folder: Path) -> None:
        write(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep("a-1", interrupted)
    assert [path.name for path in cache.iterdir()] == [".lock"]
    assert find_kept("a-1") is None


def test_keep__left_half_by_a_killed_process__starts_anew(cache: Path) -> None:
    (cache / ".a-1.part").mkdir(parents=True, mode=0o700)
    cache.chmod(0o700)
    (cache / ".a-1.part" / "half").touch()
    assert [path.name for path in keep("a-1", write).iterdir()] == ["program"]


def test_keep__several_at_once__one_fills_and_all_have_it(cache: Path) -> None:
    filled, together = [], threading.Barrier(4)

    def slowly(folder: Path) -> None:
        filled.append(folder)
        time.sleep(0.1)
        write(folder)

    def one(_: int) -> str:
        together.wait(10)
        return (keep("a-1", slowly) / "program").read_text()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(4))) == ["whole"] * 4
    assert len(filled) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_keep__no_room_or_no_right__says_so_and_leaves_nothing(number: int, cache: Path) -> None:
    def full(folder: Path) -> None:
        write(folder)
        raise OSError(number, os.strerror(number))

    with pytest.raises(CacheUnusable, match=os.strerror(number)) as raised:
        keep("a-1", full)
    assert "XDG_CACHE_HOME" in (raised.value.hint or "")
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_keep__folder_cannot_be_made__says_where(cache: Path) -> None:
    cache.parent.write_text("a file")
    with pytest.raises(CacheUnusable, match=str(cache)):
        keep("a-1", write)
    assert find_kept("a-1") is None


def test_keep__others_can_write_there__is_refused(cache: Path) -> None:
    keep("a-1", write)
    cache.chmod(0o777)
    with pytest.raises(CacheUnusable, match="others can write"):
        find_kept("a-1")
    for name in ("a-1", "b-1"):
        with pytest.raises(CacheUnusable, match="others can write"):
            keep(name, write)


def test_cache_folder__user_without_a_home__is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(CacheUnusable, match="home"):
        cache_folder()
    assert find_kept("a-1") is None

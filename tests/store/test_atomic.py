"""Replacing a file: whole or not at all, whatever fails on the way."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lmf.store.atomic import remove_abandoned, replacing


def write(path: Path, content: bytes) -> None:
    with replacing(path) as file:
        file.write(content)


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_a_new_file_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "new", b"1")
    finally:
        os.umask(before)
    assert (tmp_path / "new").read_bytes() == b"1"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666, 0o755])
def test_permissions_of_the_replaced_file_are_kept(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    with replacing(path) as file:
        (temporary,) = [one for one in tmp_path.iterdir() if one != path]
        assert stat.S_IMODE(temporary.stat().st_mode) & ~mode == 0, "readable for more meanwhile"
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_of_the_replaced_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 12345, 54321)
    write(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


def test_a_read_only_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o444)
    if os.geteuid() == 0:  # root may write everything; let the system answer as to anybody else
        monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="read-only"):
        write(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to("there/file")
    write(link, b"1")  # the target need not exist
    write(link, b"2")
    assert link.is_symlink()
    assert (tmp_path / "there" / "file").read_bytes() == b"2"
    assert names(tmp_path / "there") == ["file"]


def test_what_cannot_be_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for path, code in [
        (tmp_path, errno.EISDIR),
        (tmp_path / "none" / "file", errno.ENOENT),
        (tmp_path / "pipe", errno.EINVAL),
        (Path("/dev/null"), errno.EINVAL),
        (tmp_path / ("x" * 256), errno.ENAMETOOLONG),
        (tmp_path / "loop", errno.ELOOP),
    ]:
        with pytest.raises(OSError, match=rf"\[Errno {code}\]"):
            write(path, b"1")
    assert names(tmp_path) == ["loop", "pipe"]


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127, "a b\n[c]*.lmf", ".hidden"])
def test_names_of_any_length_and_letters(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, b"1")
    write(tmp_path / name, b"2")
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == b"2"


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(1)])
def test_an_error_in_the_block_leaves_everything_as_it_was(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail_halfway() -> None:
        with replacing(path) as file:
            file.write(b"new" * 100_000)
            raise error

    with pytest.raises(type(error)):
        fail_halfway()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("step", ["open", "fsync", "replace", "fstat"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_a_fault_at_each_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, code: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_args: object, **_options: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(OSError, match=os.strerror(code)):
            write(path, b"new")
    assert path.read_bytes() == b"old"
    write(path, b"newer")
    assert names(tmp_path) == ["file"]


def test_a_fault_in_flushing_the_folder_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fail_on_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "broken disk")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fail_on_folders)
    with pytest.raises(OSError, match="broken disk; the new file is there"):
        write(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    """The kernel itself refuses the bytes after the first 100 kB (as it does on a full disk)."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(path, bytes(300_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


HOLD = """
import sys
from lmf.store.atomic import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    print("open", flush=True)
    sys.stdin.read()
"""


def test_temporaries_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    path = tmp_path / "file"
    dead, living = (
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    )
    assert dead.stdout is not None
    assert living.stdout is not None
    dead.stdout.readline()
    living.stdout.readline()
    assert len(names(tmp_path)) == 2
    dead.kill()
    dead.communicate()
    assert len(names(tmp_path)) == 2
    write(path, b"mine")
    assert len(names(tmp_path)) == 2, "the file, and the temporary of the save still running"
    assert path.read_bytes() == b"mine"
    living.communicate()
    assert names(tmp_path) == ["file"]
    assert path.read_bytes() == b"half"


def test_only_temporaries_of_this_file_are_removed(tmp_path: Path) -> None:
    gone = tmp_path / ".file.4194305.0123456789abcdef.lmf-tmp"
    kept = [
        ".file.4194305.0123456789abcdef.tmp",
        ".file2.4194305.0123456789abcdef.lmf-tmp",
        ".file.4194305.xyz.lmf-tmp",
        "file.4194305.0123456789abcdef.lmf-tmp",
    ]
    for name in [gone.name, *kept]:
        (tmp_path / name).touch()
    assert remove_abandoned(tmp_path / "file") == 1
    assert names(tmp_path) == sorted(kept)


def test_without_locks_the_process_id_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_args: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    mine = f".file.{os.getpid()}.0123456789abcdef.lmf-tmp"
    for name in [mine, f".file.{dead.pid}.0123456789abcdef.lmf-tmp"]:
        (tmp_path / name).touch()
    write(tmp_path / "file", b"1")
    assert names(tmp_path) == [mine, "file"]


def test_a_temporary_cleaned_away_before_its_lock_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, rounds = fcntl.flock, []

    def clean_first(descriptor: int, operation: int) -> None:
        if not rounds:
            rounds.append(1)
            (temporary,) = tmp_path.iterdir()
            temporary.unlink()
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", clean_first)
    write(tmp_path / "file", b"1")
    assert (tmp_path / "file").read_bytes() == b"1"


def test_many_threads_writing_one_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(20):
                write(path, bytes([number]) * 50_000)
                assert len(set(path.read_bytes())) == 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert names(tmp_path) == ["file"]
    assert path.stat().st_size == 50_000


def test_descriptors_are_closed(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        write(tmp_path / "file", b"1")
        with pytest.raises(IsADirectoryError):
            write(tmp_path, b"1")
    assert len(os.listdir("/proc/self/fd")) == before

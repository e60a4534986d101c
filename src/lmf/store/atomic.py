"""Replace a file in one step: whoever looks finds the whole old file or the whole new one.

The new content goes to a hidden temporary beside the target, is flushed to the disk, takes the
target's name by ``rename``, and the folder is flushed too (the recipe of Pillai et al. 2014, "All
File Systems Are Not Created Equal", for an atomic update that survives a power cut).

A process that is killed leaves its temporary behind. While it lives it holds a lock on it, and the
kernel lets the lock go with the process; so the next save of the same target can tell an abandoned
temporary from that of a save still running, also across containers, where process ids say nothing.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["remove_abandoned", "replacing"]

_LONGEST_STEM = 150  # bytes of the target's name that its temporary repeats


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` when the block ends without an error.

    A symbolic link stays and its target is replaced. Permissions are those of the replaced file,
    or follow the umask. On any error, Ctrl-C included, what was at `path` is as it was and the
    temporary is gone.

    Raises
    ------
    OSError
        With the system's own code, from whichever step failed; a read-only target counts as one.
        If the last step fails, flushing the folder, the new file is there, as the error says.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "greeting") as file:
    ...     _ = file.write(b"hello")
    >>> [one.name for one in folder.iterdir()]
    ['greeting']
    """
    target = Path(os.path.realpath(path))
    before = _replaceable(target)
    remove_abandoned(target)
    file, temporary = _open_temporary(target, before)
    try:
        yield file
        file.flush()
        _take_over(file.fileno(), before)
        os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            file.close()
        with suppress(OSError):
            temporary.unlink()
        raise
    file.close()
    _sync_folder(target.parent)


def remove_abandoned(target: Path) -> int:
    """Delete temporaries that killed processes left beside `target`; how many there were."""
    pattern = re.compile(rf"\.{re.escape(_stem(target))}\.(\d+)\.[0-9a-f]{{16}}\.lmf-tmp")
    removed = 0
    with suppress(OSError), os.scandir(target.parent) as entries:
        for entry in entries:
            match = pattern.fullmatch(entry.name)
            if match:
                removed += _remove_if_abandoned(entry.path, int(match[1]))
    return removed


def _replaceable(target: Path) -> os.stat_result | None:
    """Look at what is there now; refuse what must not be replaced by a file."""
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a directory: give the name of a file in it")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "is not a regular file")
    # rename() would replace a read-only file all the same, but somebody protected this one
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "is read-only")
    return found


def _stem(target: Path) -> str:
    """Take the target's name, shortened where its temporary's would be too long for a folder."""
    name = target.name.encode(errors="surrogateescape")
    if len(name) <= _LONGEST_STEM:
        return target.name
    return f"{name[:64].decode(errors='ignore')}-{hashlib.sha256(name).hexdigest()[:16]}"


def _open_temporary(target: Path, before: os.stat_result | None) -> tuple[BinaryIO, Path]:
    """Make a locked file beside `target`, never more readable than what it is to replace."""
    mode = 0o666 if before is None else stat.S_IMODE(before.st_mode) & 0o666
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        name = f".{_stem(target)}.{os.getpid()}.{secrets.token_hex(8)}.lmf-tmp"
        temporary = target.with_name(name)
        descriptor = os.open(temporary, flags, mode)
        try:
            with suppress(OSError):  # no locks on this file system: the process id has to do
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return open(descriptor, "wb"), temporary
        except BaseException:
            os.close(descriptor)
            temporary.unlink(missing_ok=True)
            raise
        os.close(descriptor)  # another save cleaned it away in the moment before the lock


def _remove_if_abandoned(temporary: str, pid: int) -> bool:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(temporary, flags)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(temporary)  # with the lock held: a save that just began sees it and starts over
    except BlockingIOError:
        return False
    except OSError:  # no locks here
        if _is_alive(pid):
            return False
        with suppress(OSError):
            os.unlink(temporary)
    finally:
        os.close(descriptor)
    return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _take_over(descriptor: int, before: os.stat_result | None) -> None:
    """Owner and permissions of the file that is replaced, as far as this user may give them."""
    if before is None:
        return
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        with suppress(OSError):
            os.fchown(descriptor, before.st_uid, before.st_gid)
    with suppress(OSError):  # file systems without permissions
        os.fchmod(descriptor, stat.S_IMODE(before.st_mode) & 0o777)


def _sync_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # a folder that may be written but not read
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # cannot be synced at all
            told = f"{error.strerror}; the new file is there, but may not survive a power cut"
            raise OSError(error.errno, told) from error
    finally:
        os.close(descriptor)

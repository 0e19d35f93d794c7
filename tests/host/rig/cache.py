# SPDX-License-Identifier: BSD-2-Clause-Patent
"""Where built things lie, and the error every part of the rig raises."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[2]


class RigError(Exception):
    """The rig itself does not work here; says why and what to do."""


def cache_dir(name):
    base = os.environ.get("VMB_CACHE")
    if not base:
        base = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
        base = os.path.join(base, "libvmb")
    path = pathlib.Path(base) / name
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RigError(f"cannot create {path}: {error.strerror}; "
                       "VMB_CACHE names another place") from error
    return path


@contextlib.contextmanager
def locked(directory):
    """Two test runs must not build the same thing at the same time."""
    with open(directory / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def hash_of(*parts):
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:16]


def stamp_of(path):
    """What changes when a file is installed anew, without reading it."""
    status = os.stat(path)
    return f"{path}:{status.st_size}:{status.st_mtime_ns}"


def need(path, group):
    if not os.path.exists(path):
        raise RigError(f"{path} is missing: run tools/setup {group}")
    return path


def command(arguments, what, **options):
    """Runs a tool to its end; a failure carries the tool's own words."""
    try:
        return subprocess.run(arguments, check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, **options).stdout
    except FileNotFoundError as error:
        raise RigError(f"{what}: {arguments[0]} is not installed: "
                       "run tools/setup host") from error
    except subprocess.CalledProcessError as error:
        tail = error.stderr.decode(errors="replace").strip()[-600:]
        raise RigError(f"{what} failed: {tail}") from error

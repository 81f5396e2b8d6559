"""Runs the Dockerfile's steps without Docker, then the image as it would run. As root, on Linux.

    python3 deploy/check_image.py BASE WORK [--pass NAME]… [--bind PATH]…

BASE is a bare Debian with Python (`debootstrap --variant=minbase --include=ca-certificates,python3,
python3-venv,python3-pip bookworm BASE`), in the place of python:3.11-slim. The last stage is then
started with a read-only root, an empty /tmp and /data, as UID 1000; it must become healthy by its
own HEALTHCHECK, have no compiler, and write nothing but to /data.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
START_S = 180


@dataclass
class Stage:
    """One FROM of the Dockerfile, as far as it is built."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0"
    commands: dict[str, list[str]] = field(default_factory=dict)


def instructions(path: Path) -> list[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in lines if line]


class Builder:
    def __init__(self, base: Path, work: Path, passed: dict[str, str], binds: list[str]) -> None:
        self.base, self.work, self.passed, self.binds = base, work, passed, binds
        self.stages: dict[str, Stage] = {}
        self.stage = Stage(work)

    def build(self, dockerfile: Path) -> Stage:
        for name, rest in instructions(dockerfile):
            started = time.monotonic()
            getattr(self, name.lower(), lambda _: None)(rest)
            print(f"{time.monotonic() - started:6.1f} s  {name} {rest[:90]}", flush=True)
        return self.stage

    def from_(self, rest: str) -> None:
        name = rest.split(" AS ")[-1] if " AS " in rest else "final"
        root = self.work / name
        subprocess.run(["cp", "-a", f"{self.base}/.", str(root)], check=True)
        # What the official image has and Debian's Python lacks.
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            marker.unlink()
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        self.stage = self.stages[name] = Stage(root)

    def env(self, rest: str) -> None:
        for pair in shlex.split(rest):
            name, value = pair.split("=", 1)
            path = self.stage.env.get("PATH", "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin")
            self.stage.env[name] = value.replace("$PATH", path)

    def workdir(self, rest: str) -> None:
        self.stage.workdir = rest
        (self.stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def user(self, rest: str) -> None:
        self.stage.user = rest

    def run(self, rest: str) -> None:
        root = self.stage.root
        made = [root / path.lstrip("/") for path in self.binds]
        made = [place for place in made if not place.exists()]
        for place in made:
            place.mkdir(parents=True)
        mounts = [f"mount --bind -o ro {path} {root}{path}" for path in self.binds]
        mounts += [f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev"]
        inside = f"cd {self.stage.workdir} && {rest}"
        script = " && ".join([*mounts, f"chroot {root} /bin/sh -c {shlex.quote(inside)}"])
        env = {"PATH": "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin", **self.passed}
        subprocess.run(
            ["unshare", "--mount", "sh", "-c", script],
            check=True,
            env={**env, **self.stage.env, "DEBIAN_FRONTEND": "noninteractive"},
        )
        for place in made:
            place.rmdir()

    def copy(self, rest: str) -> None:
        words = rest.split()
        options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
        *sources, target = [word for word in words if not word.startswith("--")]
        origin = self.stages[options["from"]].root if "from" in options else PROJECT
        place = self.stage.root / (Path(self.stage.workdir) / target).as_posix().lstrip("/")
        found = [path for one in sources for path in sorted(origin.glob(one.lstrip("/")))]
        if not found:
            raise SystemExit(f"COPY {rest}: nothing found")
        into = target.endswith("/") or len(found) > 1
        for path in found:
            to = place / path.name if into else place
            to.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", str(path), str(to)], check=True)
        # Docker copies as root.
        subprocess.run(["chown", "-R", "-h", "0:0", str(place)], check=True)

    def healthcheck(self, rest: str) -> None:
        self.stage.commands["health"] = json.loads(rest[rest.index("CMD") + 3 :])

    def entrypoint(self, rest: str) -> None:
        self.stage.commands["entrypoint"] = json.loads(rest)

    def cmd(self, rest: str) -> None:
        self.stage.commands["cmd"] = json.loads(rest)


setattr(Builder, "from", Builder.from_)


def inside(stage: Stage, command: list[str], data: Path) -> list[str]:
    """The command as the container's user, on a read-only root with /tmp and /data of its own."""
    root, user = stage.root, stage.user
    confined = (
        f"cd {stage.workdir} && exec setpriv --reuid {user} --regid {user} --clear-groups "
        f"--no-new-privs --bounding-set=-all --inh-caps=-all {shlex.join(command)}"
    )
    script = " && ".join(
        [
            f"mount --bind {root} {root}",
            f"mount -o remount,ro,bind {root}",
            f"mount -t tmpfs -o size=64m,mode=1777 tmpfs {root}/tmp",
            f"mount --bind {data} {root}/data",
            f"mount -t proc proc {root}/proc",
            f"mount --rbind /dev {root}/dev",
            # chroot needs its capability: setpriv gives everything up after it.
            f"exec chroot {root} /bin/sh -c {shlex.quote(confined)}",
        ]
    )
    return ["unshare", "--mount", "sh", "-c", script]


def try_out(stage: Stage, data: Path) -> list[str]:
    """Start it, wait until it is healthy, look around. Returns what is wrong."""
    data.mkdir()
    os.chown(data, int(stage.user), int(stage.user))
    commands, wrong = stage.commands, []
    env = {"PATH": "/usr/bin:/bin", **stage.env}
    log = (data.parent / "log").open("w+")
    started = time.monotonic()
    server = subprocess.Popen(
        inside(stage, [*commands["entrypoint"], *commands["cmd"]], data),
        env=env,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        while True:
            if (
                subprocess.run(
                    inside(stage, commands["health"], data), env=env, capture_output=True
                ).returncode
                == 0
            ):
                print(f"healthy after {time.monotonic() - started:.1f} s")
                break
            if server.poll() is not None or time.monotonic() - started > START_S:
                wrong.append("it did not become healthy")
                break
            time.sleep(1)
        who = Path(f"/proc/{server.pid}/status").read_text()
        uid = re.search(r"^Uid:\t(\d+)", who, re.MULTILINE)
        caps = re.search(r"^CapEff:\t(\w+)", who, re.MULTILINE)
        if uid is None or uid[1] != stage.user or caps is None or int(caps[1], 16):
            wrong.append(f"it runs as {uid and uid[1]} with capabilities {caps and caps[1]}")
        touch = inside(stage, ["touch", f"{stage.workdir}/x"], data)
        if subprocess.run(touch, env=env, capture_output=True).returncode == 0:
            wrong.append("its root can be written")
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(60)
    if code:
        wrong.append(f"it ended with {code} at SIGTERM")
    log.seek(0)
    print(log.read())
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--pass", dest="passed", action="append", default=[], metavar="NAME")
    parser.add_argument("--bind", action="append", default=[], metavar="PATH")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True)
    passed = {name: os.environ[name] for name in arguments.passed if name in os.environ}
    builder = Builder(arguments.base.resolve(), work, passed, arguments.bind)
    stage = builder.build(PROJECT / "Dockerfile")
    wrong = [
        f"there is a compiler: {name}"
        for name in ("gcc", "cc", "g++", "clang", "rustc", "make")
        if any((stage.root / place / name).exists() for place in ("usr/bin", "usr/local/bin"))
    ]
    for name in (".git", "data", "models", "tests", ".env", "deploy"):
        if (stage.root / "app" / name).exists():
            wrong.append(f"{name} is in the image")
    size = subprocess.run(["du", "-sm", str(stage.root)], capture_output=True, text=True).stdout
    bare = subprocess.run(["du", "-sm", str(builder.base)], capture_output=True, text=True).stdout
    print(f"image: {size.split()[0]} MB, of which Debian and Python {bare.split()[0]} MB")
    wrong += try_out(stage, work / "volume")
    print("\n".join(wrong) or "PASS")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

"""A program with the runner's face that does as its request says, so that every end of a job can be brought about."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def say(**event: object) -> None:
    """Write one event."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Take `run --request FILE`; the request's field ``act`` tells what to do."""
    request = json.loads(Path(sys.argv[-1]).read_text(encoding="utf-8"))
    act = request["act"]
    cancel = Path(request["cancel_file"])
    say(event="state", state="starting")
    if act == "no-module":
        sys.stderr.write("ModuleNotFoundError: No module named 'torch'\n")
        return 1
    say(event="state", state="running")
    sys.stdout.write("a line of a library\n")
    say(event="progress", fraction=0.5, phase="sampling", message="1 of 2", seconds_left=3.0)
    if act in ("polite", "deaf", "family"):
        if act == "family":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            Path(request["pid_file"]).write_text(f"{os.getpid()} {child.pid}", encoding="utf-8")
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if act == "polite" and cancel.exists():
                say(event="message", text="Cancelled.")
                say(event="state", state="cancelled")
                return 40
            time.sleep(0.02)
    if act == "killed":
        os.kill(os.getpid(), 9)
    if act == "error":
        say(event="error", code=request["code"], text="The thing is wrong: mend it.", hint="Look there.")
        say(event="state", state="failed")
        return int(request["code"])
    if act == "crash":
        return 3
    if act == "silent":
        return 0
    say(event="warning", text="Unusual.")
    output = Path(request["output"])
    output.mkdir(parents=True)
    (output / "result.txt").write_text("made", encoding="utf-8")
    say(event="result", files=[str(output / "result.txt")], request=request)
    say(event="state", state="done")
    return 0


if __name__ == "__main__":
    sys.exit(main())

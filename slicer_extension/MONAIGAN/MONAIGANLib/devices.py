"""Ask in another process which devices there are, since torch must not be loaded into Slicer's own."""

import json
import subprocess
import time

#: Seconds after which the question is given up.
PATIENCE = 60


class DeviceSearch:
    """Runs ``monai-gan doctor --json`` and hands over what it says of devices.

    :param found: called once with a dict of name and description; empty when nothing could be found out
    :param launch: starts a process from words and an environment
    :param command: words before ``doctor --json``
    :param schedule: calls a function after so many seconds
    """

    def __init__(self, found, launch, command, schedule):
        self._found, self._schedule = found, schedule
        self._end = time.monotonic() + PATIENCE
        try:
            self._process = launch([*command, "doctor", "--json"], {"PYTHONUTF8": "1"})
        except OSError:
            found({})
            return
        self._schedule(0.3, self._look)

    def _look(self):
        # What it prints fits into the pipe, so that it can end before anything is read.
        if self._process.poll() is None:
            if time.monotonic() < self._end:
                self._schedule(0.3, self._look)
                return
            self._process.kill()
        try:
            text = self._process.communicate(timeout=1)[0] or ""
            devices = json.loads(text[text.index("{") :])["devices"]
        except (ValueError, KeyError, TypeError, subprocess.TimeoutExpired):
            devices = {}
        self._found({str(name): str(description) for name, description in devices.items()})

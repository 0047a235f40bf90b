"""A disk for a job, which can be made smaller, and be forbidden to write to."""

import os

from tests.faults.jobs import Stage

__all__ = ["PAGE", "ROOMY", "Disk"]

PAGE = 4096
"""What a file takes of a tmpfs at least, in bytes."""

ROOMY = "64m"


class Disk:
    """A disk of a size that can be changed."""

    def __init__(self, commands, folder, inputs):
        self.commands = commands
        for name in ("own", "disk"):
            (folder / name).mkdir(parents=True)
        commands.shell(f"mount -t tmpfs none {folder}/disk")
        self.stage = Stage(inputs, folder / "own", folder / "disk", commands.seen(folder / "disk"))
        self.resize(ROOMY)

    def resize(self, size):
        self.commands.shell(f"mount -o remount,size={size} none {self.stage.place}")

    def used(self):
        """In pages."""
        status = os.statvfs(self.stage.seen)
        return status.f_blocks - status.f_bfree

    def run(self, job):
        arguments, conditions = job.request(self.stage)
        return self.commands.run(*arguments, **conditions)

    def lay_out(self, job):
        self.resize(ROOMY)
        job.lay_out(self.stage)

    def forbid_writing(self):
        self.commands.shell(f"mount -o remount,ro none {self.stage.place}")

    def allow_writing(self):
        self.commands.shell(f"mount -o remount,rw none {self.stage.place}")

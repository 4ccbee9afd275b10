"""Screens that hang up, screens and trainers that are killed, at random moments, and a run that has to survive it.

`python tests/process/storm.py 200 [SEED]` does it two hundred times.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from driving import alive, follow, gone, last_saved, metrics, saved_arrays, small, write_text

from rnnplay.client import TrainerClient
from rnnplay.protocol import Inspect, Resume, Sample, Started, Status, Stop, Train, WatchTrace, decode_command
from rnnplay.protocol import encode_frame as encode
from rnnplay.runs import trainers

LONGEST = 0.25  # seconds between what happens


def main() -> None:
    """Be a screen: `storm.py screen RUN`, or `storm.py start COMMAND`, which starts a trainer."""
    kind, what = sys.argv[1:]

    async def look() -> None:
        if kind == "screen":
            client = await TrainerClient.attach(Path(what))
        else:
            client = await TrainerClient.start(decode_command(bytes.fromhex(what)))  # type: ignore[arg-type]
        async for event in client.events():
            if isinstance(event, Started):
                print(event.run, flush=True)
                await client.send(WatchTrace(every=0.02))
                await client.send(Sample(length=None))

    asyncio.run(look())


class Storm:
    """One run, the screens that look at it, and what happens to them."""

    def __init__(self, root: Path, seed: int) -> None:
        self._draw = random.Random(seed)
        self.config = small(write_text(root / "words.txt"))
        self._opening: Train | Resume = Train(config=self.config, root=str(root / "runs"), linger=600.0)
        self.run: Path | None = None
        self._screens: list[subprocess.Popen[bytes]] = []

    def _look(self, kind: str, what: str) -> None:
        """Start a screen and wait until it shows the run."""
        screen = subprocess.Popen([sys.executable, __file__, kind, what], stdout=subprocess.PIPE)
        self._screens.append(screen)
        assert screen.stdout is not None
        line = screen.stdout.readline().decode().strip()
        assert line, "the screen ended before it showed anything"
        self.run = Path(line)
        while not list(self.run.glob("weights-*")):  # a run of no step would not be kept
            time.sleep(0.01)

    def strike(self) -> str:
        """Let one thing happen. Returns what."""
        trainer = trainers.find_trainer(self.run) if self.run is not None else None
        if trainer is None:
            opening = self._opening if self.run is None else Resume(run=str(self.run), linger=600.0)
            self._look("start", encode(opening)[4:].hex())
        elif not self._screens or self._draw.random() < 0.5:
            self._look("screen", str(self.run))
        assert self.run is not None
        time.sleep(self._draw.uniform(0, LONGEST))
        trainer = trainers.find_trainer(self.run)
        assert trainer is not None and alive(trainer.pid), "the trainer is gone"
        if self._draw.random() < 0.3:
            os.kill(trainer.pid, signal.SIGKILL)
            self._end_screens()
            assert trainers.find_trainer(self.run) is None
            return "trainer killed"
        screen = self._screens.pop(self._draw.randrange(len(self._screens)))
        number = self._draw.choice((signal.SIGKILL, signal.SIGHUP))
        screen.send_signal(number)
        screen.wait(30)
        return f"screen: {number.name}"

    def _end_screens(self) -> None:
        """Screens whose trainer is dead end by themselves."""
        for screen in self._screens:
            screen.wait(60)
        self._screens.clear()

    def finish(self) -> None:
        """Stop the run, and compare it to one that nothing happened to."""
        assert self.run is not None
        trainer = trainers.find_trainer(self.run)
        if trainer is not None:
            os.kill(trainer.pid, signal.SIGTERM)
            assert gone(trainer.pid)
        self._end_screens()
        assert not (self.run / trainers.TRAINER).exists()
        asyncio.run(follow(Resume(run=str(self.run), more_steps=3)))
        step = last_saved(self.run)
        root = self.run.parent.parent / "unbroken"
        asyncio.run(follow(Train(config=self._limited(step), root=str(root))))
        (unbroken,) = root.iterdir()
        assert saved_arrays(self.run, step) == saved_arrays(unbroken, step)
        assert of_steps(self.run, step) == of_steps(unbroken, step)
        asyncio.run(follow(Inspect(run=str(self.run)), lambda event: Stop() if isinstance(event, Status) else None))

    def _limited(self, steps: int) -> object:
        import msgspec

        return msgspec.structs.replace(self.config, steps=steps)


def of_steps(run: Path, step: int) -> list[object]:
    """The rows of the metrics, and the evaluations on schedule, up to a step."""
    lines = [line for line in metrics(run) if line.get("kind") in (None, "evaluated") and not line.get("final")]
    return [line for line in lines if line["step"] <= step]


def storm(count: int, root: Path, seed: int = 1) -> list[str]:
    """Let `count` things happen to a run in `root`, and check that it is none the worse for it."""
    it = Storm(root, seed)
    struck = [it.strike() for _ in range(count)]
    it.finish()
    return struck


if __name__ == "__main__":
    if sys.argv[1].isdigit():
        with tempfile.TemporaryDirectory(prefix="rnnplay-") as folder:
            os.environ["RNNPLAY_SOCKETS"] = f"{folder}/s"
            began = time.monotonic()
            happened = storm(int(sys.argv[1]), Path(folder), int((sys.argv[2:] or ["1"])[0]))
            counted = {what: happened.count(what) for what in sorted(set(happened))}
            print(f"{counted} in {time.monotonic() - began:.0f} s: the run is as if nothing had happened")
    else:
        main()

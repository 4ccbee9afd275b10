"""Samples of real trainers, drawn and steered while the network learns."""

from pathlib import Path

import pytest
from driving import follow, of, small, trained, write_text

from rnnplay.client import TrainerClient
from rnnplay.protocol import AnyEvent, ChangeSample, Inspect, Sample, Sampled, Started, Stop, StopSampling, Train


@pytest.fixture(scope="module")
async def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of 200 steps."""
    folder = tmp_path_factory.mktemp("samples")
    return await trained(small(write_text(folder / "words.txt"), steps=200, layers=2), folder)


class Written:
    """The text of one channel as it is told."""

    def __init__(self, channel: int) -> None:
        self.channel, self.text = channel, ""
        self.last: Sampled | None = None

    def hear(self, event: AnyEvent) -> bool:
        if not isinstance(event, Sampled) or event.channel != self.channel:
            return False
        if event.is_first:
            self.text = ""
        if event.keep_symbols is not None:
            self.text = self.text[: event.keep_symbols]
        self.text += "".join(event.text)
        self.last = event
        return True


async def test_a_sample_is_stopped_taken_back_written_by_hand_and_goes_on_while_it_trains(tmp_path: Path) -> None:
    config = small(write_text(tmp_path / "text.txt"), steps=None)
    client = await TrainerClient.start(Train(config=config, root=str(tmp_path)))
    written, stage, kept = Written(2), 0, ""
    await client.send(Sample(channel=2, prompt="a", rate=400.0, copied=True))
    async for event in client.events():
        if not written.hear(event):
            continue
        if stage == 0 and len(written.text) > 60:
            stage = 1
            await client.send(ChangeSample(channel=2, go=False))
        elif stage == 1:
            kept = written.text[:20]
            stage = 2
            await client.send(ChangeSample(channel=2, keep_symbols=20))
        elif stage == 2:
            assert written.text == kept
            assert written.last is not None and len(written.last.candidates) == 5
            choice = written.last.candidates[3].symbol
            stage = 3
            await client.send(ChangeSample(channel=2, symbol=choice))
        elif stage == 3:
            assert written.text == kept + choice
            stage = 4
            await client.send(ChangeSample(channel=2, go=True, length=30))
        elif stage == 4 and len(written.text) == 51:
            assert written.text.startswith(kept + choice)
            assert written.last is not None and written.last.copied is not None
            stage = 5
            await client.send(Stop())
    await client.close()
    assert stage == 5


async def test_a_clamped_sample_stands_beside_a_free_one_of_the_same_seed(run: Path) -> None:
    free, held = Written(2), Written(3)
    client = await TrainerClient.start(Inspect(run=str(run)))
    sample = Sample(channel=2, length=120, seed=4)
    await client.send(sample)
    await client.send(Sample(channel=3, length=120, seed=4, clamps=((1, 2, 3.0), (0, 1, -3.0))))
    async for event in client.events():
        free.hear(event)
        held.hear(event)
        if free.last is not None and held.last is not None and free.last.done and held.last.done:
            break
    await client.close()
    assert len(free.text) == len(held.text) == 120
    assert free.text != held.text


async def test_a_sample_repeats_with_its_seed_and_stops_when_told(run: Path) -> None:
    async def sample(command: Sample) -> str:
        events = await follow(Inspect(run=str(run)), lambda event: command if isinstance(event, Started) else
            Stop() if isinstance(event, Sampled) and event.done else None)  # fmt: skip
        return "".join(symbol for event in of(Sampled, events) for symbol in event.text)

    one, two, three = [await sample(Sample(length=60, seed=seed)) for seed in (3, 3, 4)]
    assert one == two != three
    greedy = {await sample(Sample(length=40, seed=seed, temperature=0.0, prompt="d")) for seed in (1, 2)}
    assert len(greedy) == 1

    client = await TrainerClient.start(Inspect(run=str(run)))
    parts: list[Sampled] = []
    async for event in client.events():
        if isinstance(event, Started):
            await client.send(Sample(rate=200.0))
        if isinstance(event, Sampled):
            parts.append(event)
            if len(parts) == 4:
                await client.send(StopSampling())
            if event.done:
                await client.send(Stop())
    assert [part.done for part in parts].count(True) == 1 and parts[-1].done

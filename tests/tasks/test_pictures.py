"""Digits, scenes, films and the ball: what is drawn, what is predict_in_chunks of it, what its measure forgives."""

import numpy as np
import pytest

from rnnplay.catalogue import make_config
from rnnplay.tasks.base import Array, Batch
from rnnplay.tasks.moving_pictures import SIDE as FILM_SIDE
from rnnplay.tasks.moving_pictures import Ball, Video, centroid
from rnnplay.tasks.pictures import LARGE, SHAPES, SIDE, SMALL, Caption, DigitPicture, shape


def test_no_two_digits_and_no_two_shapes_look_alike() -> None:
    from rnnplay.tasks.pictures import GLYPHS

    assert len({glyph.tobytes() for glyph in GLYPHS}) == 10
    for size in (SMALL, LARGE):
        assert len({shape(kind, size).tobytes() for kind in SHAPES}) == len(SHAPES)


def test_scenes_are_as_their_sentences_say() -> None:
    task = Caption(make_config("caption"))
    rng = np.random.default_rng(8)
    said = set()
    for _ in range(2_000):
        scene, sentence = task.scene(rng)
        assert all(0 <= top <= SIDE - size and 0 <= left <= SIDE - size for _, size, top, left in scene)
        words = sentence.split()
        for (kind, size, _, _), begin in zip(scene, ("a", "a"), strict=False):
            assert f"{begin} {'large' if size == LARGE else 'small'} {kind}" in sentence
        if "above" in words:
            assert scene[0][2] + scene[0][1] < scene[1][2]
        elif "of" in words:
            assert scene[0][3] + scene[0][1] < scene[1][3]
        else:
            (_, size, top, left), free = scene[0], SIDE - scene[0][1]
            assert ("top" in words) == (top <= 2) and ("bottom" in words) == (top >= free - 2), (scene, size)
            assert ("left" in words) == (left <= 2) and ("right" in words) == (left >= free - 2)
        said.add(sentence)
    assert len(said) > 100


def test_a_held_out_scene_is_in_training_in_no_light() -> None:
    task = Caption(make_config("caption", batch=400))
    seen = [
        {(picture > 0.35).tobytes() for picture in task.batch(step).context[0].transpose(2, 0, 1)} for step in (0, 1)
    ]
    held = {(picture > 0.35).tobytes() for picture in task.test().context[0].transpose(2, 0, 1)}
    assert not (seen[0] | seen[1]) & held


def test_a_digit_is_one_time_step() -> None:
    task = DigitPicture(make_config("plain"))
    example = task.example(2)
    assert example.batch.inputs.shape == (1, 80, 1)
    assert example.picture is not None and example.picture.shape == (10, 8)
    digit = int(example.targets[0] or "")
    assert task.batch_feature(f"is {digit}", example.batch).all()
    assert not task.batch_feature(f"is {(digit + 1) % 10}", example.batch).any()


def test_every_frame_of_a_film_is_labelled_by_how_the_block_moved() -> None:
    task = Video(make_config("video"))
    batch = task.batch(0)
    frames = batch.inputs.reshape(batch.inputs.shape[0], FILM_SIDE, FILM_SIDE, -1)
    assert (frames.sum(axis=(1, 2)) == 9).all()
    for t in range(1, len(frames)):
        for b in range(0, frames.shape[-1], 5):
            rows, columns = task.moves[batch.targets[t, b]]
            assert np.array_equal(np.roll(frames[t - 1, :, :, b], (rows, columns), (0, 1)), frames[t, :, :, b])


def test_a_single_frame_never_tells_the_label() -> None:
    task = Video(make_config("video", batch=500))
    batch = task.batch(0)
    labels: dict[bytes, set[int]] = {}
    for t in range(1, batch.inputs.shape[0]):
        for b in range(batch.inputs.shape[-1]):
            labels.setdefault(batch.inputs[t, :, b].tobytes(), set()).add(int(batch.targets[t, b]))
    assert min(len(found) for found in labels.values()) >= 3


def test_the_ball_flies_straight_bounces_and_never_leaves() -> None:
    task = Ball(make_config("ball"))
    paths = task.paths(np.random.default_rng(1), 50, 40)
    assert paths.min() >= 1 - 1e-5 and paths.max() <= FILM_SIDE - 2 + 1e-5
    turns = np.abs(np.diff(paths, n=2, axis=1)).max(axis=2) > 1e-3
    assert 0.05 < turns.mean() < 0.5  # between two bounces the velocity stays


def test_the_middle_of_the_light_is_where_the_ball_is() -> None:
    task = Ball(make_config("ball"))
    batch = task.test()
    assert np.allclose(centroid(batch.targets[:-1]), centroid(batch.inputs[1:]))


@pytest.mark.parametrize(("shift", "solved"), [(0.0, True), (1.0, False)])
def test_a_ball_drawn_a_pixel_away_is_not_in_its_place(shift: float, solved: bool) -> None:
    task = Ball(make_config("ball"))

    def answer(batch: Batch) -> Array:
        frames = batch.targets.reshape(len(batch.targets), FILM_SIDE, FILM_SIDE, -1)
        return np.roll(frames, int(shift), axis=2).reshape(batch.targets.shape)

    assert task.score(answer).solved == solved

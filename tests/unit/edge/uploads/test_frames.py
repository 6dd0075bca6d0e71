import itertools

from hypothesis import given
from hypothesis import strategies as st

from services.edge.uploads.frames import Frames

PIECES = st.binary(max_size=40) | st.sampled_from([b"x" * 5_000, b"y" * 9_999])


@given(st.lists(PIECES, max_size=30), st.integers(1, 20) | st.integers(4_000, 30_000))
def test_frames_hold_the_same_bytes_and_are_full_but_for_the_last(
    pieces: list[bytes], size: int
) -> None:
    frames = Frames(size)

    full = [b"".join(frame) for piece in pieces for frame in frames.feed(piece)]
    rest = b"".join(frames.rest())

    assert b"".join(full) + rest == b"".join(pieces)
    assert all(size <= len(frame) < 2 * size for frame in full)
    assert len(rest) < size
    assert not frames.rest()


def test_many_small_pieces_are_held_in_one() -> None:
    frames = Frames(1_000)

    assert not [*itertools.chain.from_iterable(frames.feed(b"x") for _ in range(999))]

    assert frames.rest() == [b"x" * 999]


def test_a_frame_does_not_change_when_the_next_is_filled() -> None:
    frames = Frames(4)

    [first] = frames.feed(b"abcd")
    [second] = frames.feed(b"efgh")

    assert (b"".join(first), b"".join(second), frames.rest()) == (b"abcd", b"efgh", [])

from gemini_balance.files.v1 import files_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from services.edge.upload_writer import encode_chunk
from services.edge.uploads.frames import Frames


@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(1, 20))
def test_frames_hold_the_same_bytes_and_are_full_but_for_the_last(
    pieces: list[bytes], size: int
) -> None:
    frames = Frames(size)

    full = [frame for piece in pieces for frame in frames.feed(piece)]
    rest = frames.rest()

    assert b"".join(full) + rest == b"".join(pieces)
    assert {len(frame) for frame in full} <= {size}
    assert len(rest) < size
    assert frames.rest() == b""


def test_a_frame_does_not_change_when_the_next_is_filled() -> None:
    frames = Frames(4)

    [first] = frames.feed(b"abcdef")
    [second] = frames.feed(b"ghij")

    assert (first, second, frames.rest()) == (b"abcd", b"efgh", b"ij")


@given(st.sampled_from([0, 1, 127, 128, 16_383, 16_384, 256 * 1024, 1024 * 1024, 2**21]))
def test_the_wire_form_of_a_frame_is_that_of_the_contract(size: int) -> None:
    frame = b"x" * size

    assert encode_chunk(frame) == pb.WriteUploadRequest(chunk=frame).SerializeToString()

from gemini_balance.files.v1 import files_pb2 as pb
from hypothesis import example, given
from hypothesis import strategies as st

from services.kit.bytes_field import read_bytes_field, write_bytes_field

CHUNK = pb.WriteUploadRequest.CHUNK_FIELD_NUMBER
SIZES = [0, 1, 127, 128, 16_383, 16_384, 256 * 1024, 1024 * 1024, 2**21]


@given(st.sampled_from(SIZES), st.integers(0, 5))
def test_the_wire_form_is_that_of_the_contract(size: int, cut: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]

    wire = write_bytes_field(CHUNK, [content[:cut], memoryview(content)[cut:]])

    assert wire == pb.WriteUploadRequest(chunk=content).SerializeToString()
    found = read_bytes_field(CHUNK, wire)
    assert found is not None
    assert bytes(found) == content


@given(st.binary(max_size=300))
@example(b"")
@example(b"\x12")
@example(b"\x12\xff\xff\xff\xff\xff\x01")
@example(b"\x12\x02a")
@example(b"\x12\x01ab")
@example(b"\x12\x80\x00")
def test_only_what_is_surely_the_field_alone_is_read(wire: bytes) -> None:
    found = read_bytes_field(CHUNK, wire)

    if found is not None:
        assert pb.WriteUploadRequest.FromString(wire) == pb.WriteUploadRequest(chunk=bytes(found))


def test_other_messages_are_left_to_the_generated_code() -> None:
    begin = pb.WriteUploadRequest(begin=pb.WriteUploadRequest.Begin(upload_id="u"))
    twice = pb.WriteUploadRequest(chunk=b"a").SerializeToString() * 2

    assert read_bytes_field(CHUNK, begin.SerializeToString()) is None
    assert read_bytes_field(CHUNK, twice) is None

"""What was fetched is remembered for a while, within bounds."""

from services.edge.fetching.memory import BriefMemory, Fetched


def picture(size: int = 10) -> Fetched:
    return Fetched("image/png", b"x" * size)


def test_it_forgets_in_time() -> None:
    now = 100.0
    memory = BriefMemory(seconds=60, max_bytes=1000, clock=lambda: now)
    memory.put("a", picture())

    now = 159.9
    assert memory.get("a") == picture()
    now = 160.0
    assert memory.get("a") is None


def test_the_oldest_goes_when_there_is_no_room() -> None:
    memory = BriefMemory(seconds=60, max_bytes=1000, clock=lambda: 0.0)
    for name in "abcde":
        memory.put(name, picture(240))

    assert [name for name in "abcde" if memory.get(name)] == ["b", "c", "d", "e"]


def test_the_same_again_takes_no_more_room() -> None:
    memory = BriefMemory(seconds=60, max_bytes=1000, clock=lambda: 0.0)
    memory.put("a", picture(240))
    for _ in range(10):
        memory.put("b", picture(240))

    assert memory.get("a") is not None


def test_what_is_long_is_not_remembered() -> None:
    memory = BriefMemory(seconds=60, max_bytes=1000, clock=lambda: 0.0)
    memory.put("a", picture(251))

    assert memory.get("a") is None

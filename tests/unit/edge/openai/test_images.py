"""Requests for pictures in OpenAI's words become those of Google's drawing models."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edge.openai.errors import BadRequestError
from services.edge.openai.image_request import ImagePlan, translate_edit, translate_generation
from services.edge.openai.image_sizes import Shape, read_shape

GEMINI, GEMINI_3, IMAGEN = (
    "gemini-2.5-flash-image",
    "gemini-3-pro-image-preview",
    "imagen-4.0-generate-001",
)
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def plan(**body: Any) -> ImagePlan:
    return translate_generation({"prompt": "a cat", **body}, default_model=GEMINI)


def config(made: ImagePlan) -> dict[str, Any]:
    found: dict[str, Any] = made.bodies[0]["generationConfig"]
    return found


@pytest.mark.parametrize(
    ("size", "gemini", "imagen"),
    [
        ("256x256", "1:1", "1:1"),
        ("512x512", "1:1", "1:1"),
        ("1024x1024", "1:1", "1:1"),
        ("1792x1024", "16:9", "16:9"),
        ("1024x1792", "9:16", "9:16"),
        ("1536x1024", "3:2", "4:3"),
        ("1024x1536", "2:3", "3:4"),
        ("1024X768", "4:3", "4:3"),
        ("1536x864", "16:9", "16:9"),
        ("1280x1024", "5:4", "4:3"),
        ("3440x1440", "21:9", "16:9"),
        ("9999x10", "21:9", "16:9"),
        ("10x9999", "9:16", "9:16"),
        ("4:3", "4:3", "4:3"),
        ("auto", None, None),
        ("2K", None, None),
        (None, None, None),
    ],
)
def test_sizes_are_the_nearest_shapes(
    size: str | None, gemini: str | None, imagen: str | None
) -> None:
    assert read_shape(size, None, GEMINI).aspect_ratio == gemini
    assert read_shape(size, None, IMAGEN).aspect_ratio == imagen


@pytest.mark.parametrize(
    ("model", "size", "tier", "is_smaller"),
    [
        (GEMINI, "1024x1024", None, False),
        (GEMINI, "1792x1024", None, False),
        (GEMINI, "2048x2048", None, True),
        (GEMINI, "2k", None, True),
        (GEMINI_3, "1792x1024", None, False),
        (GEMINI_3, "2048x2048", "2K", False),
        (GEMINI_3, "3840x2160", "4K", False),
        (GEMINI_3, "4K", "4K", False),
        (GEMINI_3, "1K", None, False),
        (IMAGEN, "2048x2048", "2K", False),
        (IMAGEN, "4096x4096", "2K", True),
        ("imagen-4.0-fast-generate-001", "2048x2048", None, True),
        ("imagen-3.0-generate-002", "2048x2048", None, True),
        ("gemini-flash-image-latest", "2K", "2K", False),
    ],
)
def test_tiers(model: str, size: str, tier: str | None, *, is_smaller: bool) -> None:
    shape = read_shape(size, None, model)

    assert (shape.tier, shape.is_smaller) == (tier, is_smaller)


def test_a_ratio_goes_through_and_wins_over_the_size() -> None:
    assert read_shape("2048x2048", "1:8", GEMINI_3) == Shape("1:8", "2K")


@pytest.mark.parametrize(
    "fields",
    [
        {"size": "large"},
        {"size": "0x10"},
        {"size": "1024"},
        {"size": "1024x"},
        {"size": ""},
        {"size": 1024},
        {"aspect_ratio": "wide"},
        {"aspect_ratio": "0:1"},
    ],
)
def test_what_is_no_size(fields: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError) as caught:
        plan(**fields)

    assert caught.value.param in fields


@given(st.integers(10, 99999), st.integers(10, 99999), st.sampled_from([GEMINI, IMAGEN]))
def test_no_picture_lies_on_its_side(width: int, height: int, model: str) -> None:
    ratio = read_shape(f"{width}x{height}", None, model).aspect_ratio

    assert ratio is not None
    wide, _, high = ratio.partition(":")
    assert ratio == "1:1" or (int(wide) > int(high)) == (width > height)


def test_a_plain_request() -> None:
    made = plan()

    assert (made.model, made.verb) == (GEMINI, "generateContent")
    assert made.bodies == (
        {
            "contents": [{"role": "user", "parts": [{"text": "a cat"}]}],
            "generationConfig": {"responseModalities": ["TEXT", "IMAGE"]},
        },
    )
    assert (made.shows_url, made.shows_bytes, made.ignored) == (True, False, ())


def test_a_shape() -> None:
    made = plan(model=GEMINI_3, size="3840x2160")

    assert config(made)["imageConfig"] == {"aspectRatio": "16:9", "imageSize": "4K"}


@pytest.mark.parametrize(
    "model",
    [None, "gpt-image-1", "gpt-image-2.5-sunburst", "chatgpt-image-latest", "dall-e-2", "dall-e-3"],
)
def test_models_of_openai_are_the_default(model: str | None) -> None:
    assert plan(model=model).model == GEMINI


@pytest.mark.parametrize("model", [GEMINI_3, f"models/{GEMINI_3}"])
def test_other_models_are_what_they_are(model: str) -> None:
    assert plan(model=model).model == GEMINI_3


@pytest.mark.parametrize(
    ("fields", "shows_url", "shows_bytes"),
    [
        ({}, True, False),
        ({"model": "dall-e-3"}, True, False),
        ({"model": "gpt-image-1"}, True, True),
        ({"model": "gpt-image-1", "response_format": "url"}, True, False),
        ({"response_format": "url"}, True, False),
        ({"response_format": "b64_json"}, False, True),
    ],
)
def test_how_pictures_are_told(
    fields: dict[str, Any], *, shows_url: bool, shows_bytes: bool
) -> None:
    made = plan(**fields)

    assert (made.shows_url, made.shows_bytes) == (shows_url, shows_bytes)


@pytest.mark.parametrize(("n", "calls"), [(1, [1]), (4, [4]), (5, [4, 1]), (10, [4, 4, 2])])
def test_imagen(n: int, calls: list[int]) -> None:
    made = plan(model=IMAGEN, n=n, size="1792x1024")

    assert made.verb == "predict"
    assert [body["instances"] for body in made.bodies] == [[{"prompt": "a cat"}]] * len(calls)
    expected = [{"includeRaiReason": True, "aspectRatio": "16:9", "sampleCount": k} for k in calls]
    assert [body["parameters"] for body in made.bodies] == expected


def test_gemini_draws_one_picture_a_call() -> None:
    assert len(plan(n=10).bodies) == 10


@pytest.mark.parametrize(
    ("fields", "options", "ignored"),
    [
        ({"output_format": "png"}, {"mimeType": "image/png"}, ()),
        ({"output_format": "jpeg"}, {"mimeType": "image/jpeg"}, ()),
        (
            {"output_format": "jpeg", "output_compression": 80},
            {"mimeType": "image/jpeg", "compressionQuality": 80},
            (),
        ),
        ({"output_format": "webp"}, None, ()),
        ({"output_compression": 80}, None, ("output_compression",)),
    ],
)
def test_formats_of_imagen(
    fields: dict[str, Any], options: dict[str, Any] | None, ignored: tuple[str, ...]
) -> None:
    made = plan(model=IMAGEN, **fields)

    assert made.bodies[0]["parameters"].get("outputOptions") == options
    assert made.ignored == ignored


@pytest.mark.parametrize(
    ("fields", "ignored"),
    [
        ({"quality": "hd"}, ("quality",)),
        ({"quality": "auto"}, ()),
        ({"style": "vivid"}, ("style",)),
        ({"user": "me"}, ("user",)),
        ({"background": "transparent"}, ("background",)),
        ({"background": "opaque"}, ()),
        ({"moderation": "low"}, ("moderation",)),
        ({"moderation": "auto"}, ()),
        ({"output_compression": 50}, ("output_compression",)),
        ({"size": "4096x4096"}, ("size",)),
        ({"safety_identifier": "x", "seed": 1}, ("safety_identifier", "seed")),
        ({"stream": False, "partial_images": 0, "n": None}, ()),
    ],
)
def test_what_has_no_counterpart_is_named(fields: dict[str, Any], ignored: tuple[str, ...]) -> None:
    assert plan(**fields).ignored == ignored


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"prompt": ""}, "prompt", "empty_string"),
        ({"prompt": 1}, "prompt", "invalid_type"),
        ({"prompt": "x" * 32001}, "prompt", "string_above_max_length"),
        ({"n": 0}, "n", "integer_below_min_value"),
        ({"n": 11}, "n", "integer_above_max_value"),
        ({"n": "2"}, "n", "invalid_type"),
        ({"stream": True}, "stream", "unsupported_value"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"partial_images": 2}, "partial_images", "unsupported_value"),
        ({"response_format": "jpeg"}, "response_format", "invalid_value"),
        ({"output_format": "svg"}, "output_format", "invalid_value"),
        ({"output_format": "gif"}, "output_format", "invalid_value"),
        ({"output_compression": 101}, "output_compression", "integer_above_max_value"),
        ({"model": "no model"}, "model", "invalid_value"),
        ({"model": 7}, "model", "invalid_type"),
        ({"quality": 7}, "quality", "invalid_type"),
    ],
)
def test_what_cannot_be(fields: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        plan(**fields)

    assert (caught.value.param, caught.value.code) == (param, code)


class TestEdits:
    def edit(self, *sources: dict[str, Any], **body: Any) -> ImagePlan:
        return translate_edit(
            {"prompt": "a hat on it", **body},
            list(sources),
            default_model=body.pop("default", GEMINI),
            allow_remote_media=True,
        )

    def test_pictures_stand_before_the_prompt(self) -> None:
        source = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
        made = self.edit(source, source, n=2)

        parts = made.bodies[0]["contents"][0]["parts"]
        assert parts == [source, source, {"text": "a hat on it"}]
        assert len(made.bodies) == 2

    @pytest.mark.parametrize(
        "fields",
        [
            {"image": PIXEL},
            {"image": [PIXEL]},
            {"images": [{"image_url": PIXEL}]},
            {"images": [PIXEL]},
        ],
    )
    def test_json_names_pictures(self, fields: dict[str, Any]) -> None:
        [source, _] = self.edit(**fields).bodies[0]["contents"][0]["parts"]

        assert source["inlineData"]["mimeType"] == "image/png"

    def test_uploaded_files_and_web_addresses(self) -> None:
        made = self.edit(images=[{"file_id": "files/abc"}, {"image_url": "https://x.test/a.png"}])

        [file, remote, _] = made.bodies[0]["contents"][0]["parts"]
        assert file["fileData"]["fileUri"].endswith("/files/abc")
        made.remote_media[0].fill("image/png", b"abc")
        assert remote["inlineData"]["data"] == "YWJj"

    @pytest.mark.parametrize(
        ("fields", "param", "code"),
        [
            ({}, "image", "missing_required_parameter"),
            ({"image": []}, "image", "missing_required_parameter"),
            ({"image": 7}, "image", "invalid_type"),
            ({"image": ["nonsense"]}, "image[0]", "invalid_value"),
            ({"images": [{}]}, "images[0].image_url", "missing_required_parameter"),
            ({"image": [PIXEL] * 17}, "image", "array_above_max_length"),
            ({"image": PIXEL, "mask": PIXEL}, "mask", "unsupported_parameter"),
            ({"image": PIXEL, "markup": PIXEL}, "markup", "unsupported_parameter"),
            ({"image": PIXEL, "model": IMAGEN}, "model", "unsupported_value"),
            ({"image": PIXEL, "stream": True}, "stream", "unsupported_value"),
        ],
    )
    def test_what_cannot_be(self, fields: dict[str, Any], param: str, code: str) -> None:
        with pytest.raises(BadRequestError) as caught:
            self.edit(**fields)

        assert (caught.value.param, caught.value.code) == (param, code)

    def test_an_imagen_as_default_leaves_edits_to_gemini(self) -> None:
        made = translate_edit(
            {"prompt": "x", "image": PIXEL}, [], default_model=IMAGEN, allow_remote_media=False
        )

        assert made.model == GEMINI

    def test_web_addresses_where_nobody_fetches(self) -> None:
        with pytest.raises(BadRequestError) as caught:
            translate_edit(
                {"prompt": "x", "image": "http://x.test/"},
                [],
                default_model=GEMINI,
                allow_remote_media=False,
            )

        assert caught.value.code == "remote_media_not_supported"


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 20)
    | st.sampled_from(["", "auto", "1024x1536", "2K", PIXEL, "https://x.test/", "files/a", IMAGEN]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["image_url", "file_id", "url"]), inner, max_size=2)
    ),
    max_leaves=8,
)
_FIELDS = [
    *("model", "n", "size", "aspect_ratio", "response_format", "output_format", "background"),
    *("output_compression", "quality", "stream", "partial_images", "image", "images", "mask"),
    "user",
]


@given(st.dictionaries(st.sampled_from(_FIELDS), _VALUES), st.just("a cat") | _VALUES)
def test_whatever_comes_is_a_plan_or_a_clear_refusal(fields: dict[str, Any], prompt: Any) -> None:
    body = {**fields, "prompt": prompt}

    for made in (
        plan_or_refusal(body),
        plan_or_refusal(body, is_edit=True),
    ):
        if isinstance(made, BadRequestError):
            assert made.param
        else:
            assert made.bodies
            assert made.shows_url or made.shows_bytes


def plan_or_refusal(body: dict[str, Any], *, is_edit: bool = False) -> ImagePlan | BadRequestError:
    try:
        if is_edit:
            return translate_edit(body, [], default_model=GEMINI, allow_remote_media=True)
        return translate_generation(body, default_model=GEMINI)
    except BadRequestError as error:
        return error

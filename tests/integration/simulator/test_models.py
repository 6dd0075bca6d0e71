import httpx
import pytest

from services.simulator.catalog import MODELS


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_models_are_listed(alpha: httpx.AsyncClient, version: str) -> None:
    models = (await alpha.get(f"/{version}/models")).json()["models"]

    assert [model["name"] for model in models] == [f"models/{name}" for name in MODELS]
    flash = next(model for model in models if model["name"] == "models/gemini-2.5-flash")
    assert flash["inputTokenLimit"] == 1048576
    assert "generateContent" in flash["supportedGenerationMethods"]


async def test_pages_together_are_the_whole_list(alpha: httpx.AsyncClient) -> None:
    names: list[str] = []
    token = ""
    while True:
        page = (
            await alpha.get("/v1beta/models", params={"pageSize": 4, "pageToken": token})
        ).json()
        assert len(page["models"]) <= 4
        names += [model["name"] for model in page["models"]]
        token = page.get("nextPageToken", "")
        if not token:
            break

    assert names == [f"models/{name}" for name in MODELS]


@pytest.mark.parametrize("query", [{"pageSize": "x"}, {"pageSize": -1}, {"pageToken": "%%%"}])
async def test_senseless_pages_are_refused(alpha: httpx.AsyncClient, query: dict[str, str]) -> None:
    assert (await alpha.get("/v1beta/models", params=query)).status_code == 400


async def test_one_model_is_shown(alpha: httpx.AsyncClient) -> None:
    listed = (await alpha.get("/v1beta/models")).json()["models"]

    assert (await alpha.get("/v1beta/models/gemini-2.5-pro")).json() in listed


async def test_an_unknown_model_is_not_found(alpha: httpx.AsyncClient) -> None:
    response = await alpha.get("/v1beta/models/gemini-9")

    assert response.status_code == 404
    assert response.json()["error"]["message"] == (
        "Model is not found: models/gemini-9 for api version v1beta"
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1beta/models/gemini-9:generateContent",
         ("models/gemini-9 is not found for API version v1beta, or is not supported for "
         "generateContent.")),
        ("/v1/models/gemini-9:streamGenerateContent?alt=sse",
         ("models/gemini-9 is not found for API version v1, or is not supported for "
         "generateContent.")),
        ("/v1beta/models/gemini-9:batchEmbedContents",
         ("models/gemini-9 is not found for API version v1beta, or is not supported for "
         "embedContent.")),
        ("/v1beta/models/text-embedding-004:generateContent",
         "models/text-embedding-004 is not found for API version v1beta"),
        ("/v1beta/tunedModels/mine:generateContent", "Tuned model does not exist."),
    ],
)  # fmt: skip
async def test_calls_on_unknown_models_are_not_found(
    alpha: httpx.AsyncClient, path: str, expected: str
) -> None:
    response = await alpha.post(path, json={})

    assert response.status_code == 404
    assert response.json()["error"]["message"].startswith(expected)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1beta/models/gemini-2.5-flash:dance"),
        ("GET", "/v1beta/models/gemini-2.5-flash:generateContent"),
        ("POST", "/v1beta/nothing"),
        ("GET", "/"),
        ("PUT", "/v1beta/files/x"),
        ("POST", "/upload/v1beta/models"),
    ],
)
async def test_what_the_api_does_not_have_is_googles_html_page(
    alpha: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await alpha.request(method, path)

    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")
    assert f"The requested URL {path} was not found" in response.text

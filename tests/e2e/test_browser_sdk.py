"""Google's JavaScript SDK in a page of another origin: its build for browsers."""

from tests.support.browser import Browser
from tests.support.reference import start_sdk
from tests.support.system import System


async def test_it_generates_and_streams_in_a_page_of_another_origin(
    system: System, browser: Browser
) -> None:
    pool = await system.new_pool(2)

    said = await browser.run(f"""
        {start_sdk(system, pool)}
        const ask = {{ model: 'gemini-2.5-flash', contents: 'please repeat sherbet' }};
        const plain = (await ai.models.generateContent(ask)).text;
        let streamed = '';
        for await (const chunk of await ai.models.generateContentStream(ask)) {{
          streamed += chunk.text ?? '';
        }}
        const refused = await ai.models
          .generateContent({{ ...ask, model: 'none-such' }})
          .catch((error) => error.status);
        return {{ plain, streamed, refused }};
    """)

    assert "sherbet" in said["plain"]
    assert said["streamed"] == said["plain"]
    assert said["refused"] == 404

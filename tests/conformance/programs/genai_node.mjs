// Google's JavaScript SDK in Node.

import { ApiError, GoogleGenAI } from '@google/genai';
import * as report from './reporting.mjs';

const { MODEL, need } = report;
const httpOptions = { baseUrl: report.URL_ };
const ai = new GoogleGenAI({ apiKey: report.TOKEN, httpOptions });
const schema = {
  type: 'object', properties: { city: { type: 'string' } }, required: ['city'],
};

async function chat() {
  const talk = ai.chats.create({ model: MODEL });
  await talk.sendMessage({ message: 'please repeat one' });
  const answer = await talk.sendMessage({ message: 'please repeat nougat' });
  need(answer.text.includes('nougat'), answer);
  return answer.modelVersion;
}

async function stream() {
  const contents = 'please repeat nougat';
  let text = '';
  let chunks = 0;
  for await (const chunk of await ai.models.generateContentStream({ model: MODEL, contents })) {
    text += chunk.text ?? '';
    chunks += 1;
  }
  need(text.includes('nougat'), text);
  return `${chunks} chunks`;
}

async function tools() {
  const config = {
    tools: [{ functionDeclarations: [{ name: 'get_weather', parametersJsonSchema: schema }] }],
  };
  const contents = [{ role: 'user', parts: [{ text: 'How warm is it?' }] }];
  const model = report.SIGNING_MODEL;
  const first = await ai.models.generateContent({ model, contents, config });
  const [call] = first.functionCalls ?? [];
  need(typeof call?.args?.city === 'string', first);
  const { id, name } = call;
  const part = { functionResponse: { id, name, response: { output: '21 degrees' } } };
  contents.push(first.candidates[0].content, { role: 'user', parts: [part] });
  const last = await ai.models.generateContent({ model, contents, config });
  need(last.text.includes('21 degrees'), last);
  return 'two turns';
}

async function structured() {
  const config = { responseMimeType: 'application/json', responseJsonSchema: schema };
  const answer = await ai.models.generateContent({ model: MODEL, contents: 'Which city?', config });
  need(typeof JSON.parse(answer.text).city === 'string', answer);
  return answer.text;
}

async function vision() {
  const data = report.PICTURE.toString('base64');
  const contents = [{ inlineData: { data, mimeType: 'image/png' } }, { text: 'what is this?' }];
  const { usageMetadata } = await ai.models.generateContent({ model: MODEL, contents });
  need(usageMetadata.promptTokenCount > report.LEAST_IMAGE_TOKENS, usageMetadata);
  return 'inline';
}

async function embeddings() {
  const config = { outputDimensionality: 64 };
  const model = report.EMBEDDING_MODEL;
  const answer = await ai.models.embedContent({ model, contents: ['a', 'b'], config });
  need(answer.embeddings.map((row) => row.values.length).join() === '64,64', answer);
  return 'two of 64';
}

async function files() {
  const file = new Blob(['apricots and figs'], { type: 'text/plain' });
  const made = await ai.files.upload({ file, config: { displayName: 'notes' } });
  const listed = [];
  for await (const each of await ai.files.list()) listed.push(each.name);
  need(listed.includes(made.name), listed);
  const contents = [
    { fileData: { fileUri: made.uri, mimeType: made.mimeType } }, { text: 'please repeat fig' },
  ];
  const answer = await ai.models.generateContent({ model: MODEL, contents });
  need(answer.text.includes('fig'), answer);
  await ai.files.delete({ name: made.name });
  return 'made, listed, cited, deleted';
}

async function models() {
  const names = [];
  for await (const each of await ai.models.list()) names.push(each.name);
  need(names.includes(`models/${MODEL}`), names);
  need((await ai.models.get({ model: MODEL })).name === `models/${MODEL}`, names);
  return `${names.length} models`;
}

async function error() {
  const contents = 'hello';
  const unknown = await report.raised(
    () => ai.models.generateContent({ model: report.UNKNOWN_MODEL, contents }),
  );
  need(unknown instanceof ApiError && unknown.status === 404, unknown);
  const stranger = new GoogleGenAI({ apiKey: 'sk-unknown', httpOptions });
  const refused = await report.raised(
    () => stranger.models.generateContent({ model: MODEL, contents }),
  );
  need(refused.status === 401, refused);
  return 'ApiError 404, 401';
}

async function count_tokens() {
  const { totalTokens } = await ai.models.countTokens({ model: MODEL, contents: 'how many' });
  need(totalTokens > 0, totalTokens);
  return `${totalTokens} tokens`;
}

async function images() {
  const config = { responseModalities: ['IMAGE'] };
  const model = 'gemini-2.5-flash-image';
  const answer = await ai.models.generateContent({ model, contents: 'a cat', config });
  const head = Buffer.from(answer.data, 'base64').subarray(1, 4).toString();
  need(head === 'PNG', head);
  return 'generateContent';
}

async function speech() {
  const voiceConfig = { prebuiltVoiceConfig: { voiceName: 'Kore' } };
  const config = { responseModalities: ['AUDIO'], speechConfig: { voiceConfig } };
  const model = 'gemini-2.5-flash-preview-tts';
  const answer = await ai.models.generateContent({ model, contents: 'hello', config });
  const { mimeType } = answer.candidates[0].content.parts[0].inlineData;
  need(mimeType.startsWith('audio/'), mimeType);
  return mimeType;
}

async function live() {
  let told;
  const done = new Promise((resolve) => { told = resolve; });
  let said = '';
  const session = await ai.live.connect({
    model: report.LIVE_MODEL,
    config: { responseModalities: ['TEXT'] },
    callbacks: {
      onmessage({ serverContent }) {
        for (const part of serverContent?.modelTurn?.parts ?? []) said += part.text ?? '';
        if (serverContent?.turnComplete) told();
      },
      onclose: () => told(),
    },
  });
  session.sendClientContent({ turns: 'please repeat nougat', turnComplete: true });
  await done;
  session.close();
  need(said.includes('nougat'), said);
  return 'a turn';
}

await report.run(['@google/genai'], {
  chat, stream, tools, structured, vision, embeddings, files, models, error, count_tokens,
  images, speech, live,
});

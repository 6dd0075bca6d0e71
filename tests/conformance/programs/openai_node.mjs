// OpenAI's JavaScript SDK in Node.

import OpenAI, { toFile } from 'openai';
import * as report from './reporting.mjs';

const { MODEL, need } = report;
const options = { baseURL: `${report.URL_}/v1`, maxRetries: 0 };
const client = new OpenAI({ apiKey: report.TOKEN, ...options });
const ask = (content) => [{ role: 'system', content: 'Be terse.' }, { role: 'user', content }];
const schema = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};

async function chat() {
  const messages = ask('please repeat praline');
  const answer = await client.chat.completions.create({ model: MODEL, messages, temperature: 0.2 });
  need(answer.choices[0].finish_reason === 'stop', answer);
  need(answer.choices[0].message.content.includes('praline'), answer);
  return answer.object;
}

async function stream() {
  const messages = ask('please repeat praline');
  const events = await client.chat.completions.create({
    model: MODEL, messages, stream: true, stream_options: { include_usage: true },
  });
  let text = '';
  let usage = null;
  for await (const chunk of events) {
    text += chunk.choices[0]?.delta?.content ?? '';
    usage = chunk.usage ?? usage;
  }
  need(text.includes('praline') && usage?.total_tokens > 0, { text, usage });
  return 'with usage';
}

async function tools() {
  const asked = [];
  const getWeather = (given) => asked.push(JSON.parse(given).city) && '21 degrees';
  const description = 'Tells the weather.';
  const runner = client.chat.completions.runTools({
    model: report.SIGNING_MODEL,
    messages: ask('How warm is it?'),
    tools: [{
      type: 'function',
      function: { name: 'get_weather', description, parameters: schema, function: getWeather },
    }],
  });
  const text = await runner.finalContent();
  need(asked.length === 1 && text.includes('21 degrees'), { asked, text });
  return 'called by the SDK';
}

async function structured() {
  const answer = await client.chat.completions.create({
    model: MODEL,
    messages: ask('Which city?'),
    response_format: { type: 'json_schema', json_schema: { name: 'place', strict: true, schema } },
  });
  const value = JSON.parse(answer.choices[0].message.content);
  need(typeof value.city === 'string', value);
  return JSON.stringify(value);
}

async function vision() {
  const content = [
    { type: 'text', text: 'what is this?' },
    { type: 'image_url', image_url: { url: report.PICTURE_URL } },
  ];
  const messages = [{ role: 'user', content }];
  const { usage } = await client.chat.completions.create({ model: MODEL, messages });
  need(usage.prompt_tokens > report.LEAST_IMAGE_TOKENS, usage);
  return 'data URL';
}

async function embeddings() {
  const input = ['a', 'b'];
  const answer = await client.embeddings.create({ model: report.EMBEDDING_MODEL, input, dimensions: 64 });
  need(answer.data.every((row) => row.embedding.length === 64) && answer.data.length === 2, answer);
  return 'two of 64';
}

async function files() {
  const file = await toFile(Buffer.from('apricots and figs'), 'notes.txt');
  const made = await client.files.create({ file, purpose: 'user_data' });
  const listed = [];
  for await (const each of client.files.list()) listed.push(each.id);
  need(listed.includes(made.id), { made, listed });
  const content = [
    { type: 'file', file: { file_id: made.id } },
    { type: 'text', text: 'please repeat fig' },
  ];
  const messages = [{ role: 'user', content }];
  const answer = await client.chat.completions.create({ model: MODEL, messages });
  need(answer.choices[0].message.content.includes('fig'), answer);
  const gone = await client.files.delete(made.id);
  need(gone.deleted, gone);
  return 'made, listed, cited, deleted';
}

async function models() {
  const names = [];
  for await (const each of client.models.list()) names.push(each.id);
  need(names.includes(MODEL), names);
  need((await client.models.retrieve(MODEL)).id === MODEL, names);
  return `${names.length} models`;
}

async function error() {
  const messages = ask('hello');
  const unknown = await report.raised(
    () => client.chat.completions.create({ model: report.UNKNOWN_MODEL, messages }),
  );
  need(unknown instanceof OpenAI.NotFoundError && unknown.code === 'model_not_found', unknown);
  const stranger = new OpenAI({ apiKey: 'sk-unknown', ...options });
  const refused = await report.raised(() => stranger.models.list());
  need(refused instanceof OpenAI.AuthenticationError, refused);
  return 'NotFoundError, AuthenticationError';
}

async function completions() {
  const answer = await client.completions.create({ model: MODEL, prompt: 'please repeat praline' });
  need(answer.choices[0].text.includes('praline'), answer);
  return answer.object;
}

async function images() {
  const answer = await client.images.generate({ prompt: 'a cat', response_format: 'b64_json' });
  const head = Buffer.from(answer.data[0].b64_json, 'base64').subarray(1, 4).toString();
  need(head === 'PNG', head);
  return 'b64_json';
}

async function speech() {
  const answer = await client.audio.speech.create({
    model: 'tts-1', voice: 'alloy', input: 'hello', response_format: 'wav',
  });
  const head = Buffer.from(await answer.arrayBuffer()).subarray(0, 4).toString();
  need(head === 'RIFF', head);
  return 'wav';
}

async function transcription() {
  const file = await toFile(report.SOUND, 'silence.wav');
  const answer = await client.audio.transcriptions.create({ model: 'whisper-1', file });
  need(answer.text, answer);
  return 'wav';
}

async function responses() {
  const given = {
    model: report.SIGNING_MODEL,
    tools: [{ type: 'function', name: 'get_weather', parameters: schema, strict: true }],
  };
  const first = await client.responses.create({ ...given, input: 'How warm is it?' });
  const call = first.output.find((item) => item.type === 'function_call');
  const events = client.responses.stream({
    ...given,
    previous_response_id: first.id,
    input: [{ type: 'function_call_output', call_id: call.call_id, output: '21 degrees' }],
  });
  let text = '';
  for await (const event of events) {
    if (event.type === 'response.output_text.delta') text += event.delta;
  }
  const last = await events.finalResponse();
  need(text.includes('21 degrees') && last.output_text === text, last);
  return 'two turns, kept and streamed';
}

await report.run(['openai'], {
  chat, stream, tools, structured, vision, embeddings, files, models, error,
  completions, images, speech, transcription, responses,
});

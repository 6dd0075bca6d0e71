// Anthropic's JavaScript SDK in Node.

import Anthropic from '@anthropic-ai/sdk';
import { jsonSchemaOutputFormat } from '@anthropic-ai/sdk/helpers/json-schema';
import * as report from './reporting.mjs';

const { MODEL, need } = report;
const options = { baseURL: report.URL_, maxRetries: 0 };
const client = new Anthropic({ apiKey: report.TOKEN, ...options });
const ask = (content) => [{ role: 'user', content }];
const textOf = (message) => message.content.map((block) => block.text ?? '').join('');
const schema = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};

async function chat() {
  const messages = ask('please repeat praline');
  const message = await client.messages.create({
    model: MODEL, max_tokens: 200, system: 'Be terse.', messages,
  });
  need(textOf(message).includes('praline') && message.stop_reason === 'end_turn', message);
  need(message.usage.input_tokens > 0 && message.usage.output_tokens > 0, message.usage);
  return message.stop_reason;
}

async function stream() {
  const messages = ask('please repeat praline');
  const events = client.messages.stream({ model: MODEL, max_tokens: 200, messages });
  let text = '';
  events.on('text', (piece) => { text += piece; });
  const message = await events.finalMessage();
  need(text.includes('praline') && text === textOf(message), { text, message });
  need(message.usage.output_tokens > 0, message.usage);
  return 'with usage';
}

async function tools() {
  const asked = [];
  const runner = client.beta.messages.toolRunner({
    model: report.SIGNING_MODEL,
    max_tokens: 999,
    messages: ask('How warm is it?'),
    tools: [{
      type: 'custom',
      name: 'get_weather',
      description: 'Tells the weather.',
      input_schema: schema,
      parse: (given) => given,
      run: ({ city }) => asked.push(city) && '21 degrees',
    }],
  });
  const text = textOf(await runner);
  need(asked.length === 1 && text.includes('21 degrees'), { asked, text });
  return 'called by the SDK';
}

async function structured() {
  const message = await client.messages.parse({
    model: MODEL,
    max_tokens: 999,
    messages: ask('Which city?'),
    output_config: { format: jsonSchemaOutputFormat(schema) },
  });
  need(typeof message.parsed_output.city === 'string', message);
  return JSON.stringify(message.parsed_output);
}

async function vision() {
  const source = { type: 'base64', media_type: 'image/png', data: report.PICTURE_B64 };
  const content = [{ type: 'text', text: 'what is this?' }, { type: 'image', source }];
  const messages = ask(content);
  const { usage } = await client.messages.create({ model: MODEL, max_tokens: 999, messages });
  need(usage.input_tokens > report.LEAST_IMAGE_TOKENS, usage);
  return 'base64';
}

async function models() {
  const names = [];
  for await (const each of client.models.list()) names.push(each.id);
  need(names.includes(MODEL) && (await client.models.retrieve(MODEL)).id === MODEL, names);
  return `${names.length} models`;
}

async function error() {
  const unknown = await report.raised(() => client.messages.create({
    model: report.UNKNOWN_MODEL, max_tokens: 9, messages: ask('hello'),
  }));
  need(unknown instanceof Anthropic.NotFoundError, unknown);
  const stranger = new Anthropic({ apiKey: 'sk-unknown', ...options });
  const refused = await report.raised(() => stranger.models.list());
  need(refused instanceof Anthropic.AuthenticationError, refused);
  return 'NotFoundError, AuthenticationError';
}

async function count_tokens() {
  const messages = ask('how many are these');
  const counted = await client.messages.countTokens({ model: MODEL, messages });
  need(counted.input_tokens > 0, counted);
  return `${counted.input_tokens} tokens`;
}

await report.run(['@anthropic-ai/sdk'], {
  chat, stream, tools, structured, vision, models, error, count_tokens,
});

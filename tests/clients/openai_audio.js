// What a user of OpenAI's JavaScript SDK does with sound, in Node: says a text and writes it down again.
//
// Argument: the address. Standard input: a token. Prints lines of JSON.

import { readFileSync } from 'node:fs';
import OpenAI, { toFile } from 'openai';

const client = new OpenAI({ apiKey: readFileSync(0, 'utf-8').trim(), baseURL: `${process.argv[2]}/v1` });
const say = (facts) => console.log(JSON.stringify(facts));

const input = 'The fox praised the crow until it sang.';
const spoken = await client.audio.speech.create({ model: 'gpt-4o-mini-tts', voice: 'coral', input });
const bytes = Buffer.from(await spoken.arrayBuffer());
say({ type: spoken.headers.get('content-type'), wav: bytes.toString('base64') });

const file = () => toFile(bytes, 'fox.wav');
const whole = await client.audio.transcriptions.create({ file: await file(), model: 'whisper-1' });
say({ text: whole.text });

const stream = await client.audio.transcriptions.create({ file: await file(), model: 'gpt-4o-transcribe', stream: true });
const events = [];
for await (const event of stream) events.push(event);
say({ kinds: [...new Set(events.map((event) => event.type))], streamed: events.at(-1).text });

const verbose = await client.audio.transcriptions.create({
  file: await file(),
  model: 'whisper-1',
  response_format: 'verbose_json',
  timestamp_granularities: ['segment'],
});
say({ segments: verbose.segments.length, duration: verbose.duration });

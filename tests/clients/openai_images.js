// What a user of OpenAI's JavaScript SDK does with pictures, in Node.
//
// Argument: the address. Standard input: a token. Prints lines of JSON.

import { readFileSync } from 'node:fs';
import OpenAI, { toFile } from 'openai';

const client = new OpenAI({ apiKey: readFileSync(0, 'utf-8').trim(), baseURL: `${process.argv[2]}/v1` });
const say = (facts) => console.log(JSON.stringify(facts));

const drawn = await client.images.generate({ prompt: 'a cat', response_format: 'b64_json' });
const bytes = Buffer.from(drawn.data[0].b64_json, 'base64');
const shown = await client.images.generate({ prompt: 'a cat' });
const hosted = Buffer.from(await (await fetch(shown.data[0].url)).arrayBuffer());
say({ same: bytes.equals(hosted), size: shown.size });

const image = await toFile(bytes, 'cat.png', { type: 'image/png' });
const edited = await client.images.edit({ image: [image, image], prompt: 'a hat on it', n: 2 });
say({ edited: edited.data.length });

try {
  await client.images.generate({ prompt: 'a cat [[block]]' });
} catch (error) {
  say({ refused: error.status, code: error.code });
}

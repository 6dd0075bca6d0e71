// What a user of OpenAI's JavaScript SDK does, in Node.
//
// Argument: the address. Standard input: a token. Prints lines of JSON.

import { readFileSync } from 'node:fs';
import OpenAI from 'openai';

const model = 'gemini-2.5-flash';
const client = new OpenAI({ apiKey: readFileSync(0, 'utf-8').trim(), baseURL: `${process.argv[2]}/v1` });
const say = (facts) => console.log(JSON.stringify(facts));
const messages = [{ role: 'user', content: 'please repeat praline' }];

const plain = await client.chat.completions.create({ model, messages });
say({ plain: plain.choices[0].message.content });

let streamed = '';
let finish = null;
for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
  streamed += chunk.choices[0]?.delta?.content ?? '';
  finish = chunk.choices[0]?.finish_reason ?? finish;
}
say({ streamed, finish });

const embedded = await client.embeddings.create({ model: 'gemini-embedding-001', input: ['a', 'b'] });
say({ embedded: embedded.data.map((row) => row.embedding.length) });

const models = [];
for await (const each of await client.models.list()) models.push(each.id);
say({ models });

try {
  await client.chat.completions.create({ model: 'none-such', messages });
} catch (error) {
  say({ refused: error.status, kind: error.constructor.name });
}

// What a user of OpenAI's JavaScript SDK does with files, in Node: the file goes before its purpose.
//
// Argument: the address. Standard input: a token. Prints lines of JSON.

import { readFileSync } from 'node:fs';
import OpenAI, { toFile } from 'openai';

const client = new OpenAI({ apiKey: readFileSync(0, 'utf-8').trim(), baseURL: `${process.argv[2]}/v1` });
const say = (facts) => console.log(JSON.stringify(facts));

const file = await toFile(Buffer.from('the fox and the crow'), 'fable.txt');
const made = await client.files.create({ file, purpose: 'assistants' });
say({ made });
say({ found: await client.files.retrieve(made.id) });
say({ content: await (await client.files.content(made.id)).text() });
const listed = [];
for await (const each of await client.files.list({ limit: 1 })) listed.push(each.id);
say({ listed });
say({ deleted: (await client.files.delete(made.id)).deleted });

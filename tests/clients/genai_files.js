// What a user of Google's JavaScript SDK does with files, in Node.
//
// Arguments: the address, then files to upload. Standard input: a token. Prints lines of JSON.

import { readFileSync } from 'node:fs';
import { GoogleGenAI } from '@google/genai';

const MODEL = 'gemini-2.5-flash';
const [url, ...paths] = process.argv.slice(2);
const token = readFileSync(0, 'utf-8').trim();
const say = (facts) => console.log(JSON.stringify(facts));
const describe = (file) => ({
  name: file.name,
  uri: file.uri,
  mime_type: file.mimeType,
  sha256_hash: file.sha256Hash,
  size: Number(file.sizeBytes),
  state: file.state,
});
const all = async (pager) => {
  const names = [];
  for await (const file of pager) names.push(file.name);
  return names;
};

say({ node: process.version });
const ai = new GoogleGenAI({ apiKey: token, httpOptions: { baseUrl: url } });
const files = [];
for (const path of paths) {
  try {
    const file = await ai.files.upload({ file: path });
    say({ uploaded: describe(file) });
    files.push(file);
  } catch (error) {
    say({ failed: path, name: error.name, message: error.message });
  }
}
const cited = files[0];
const answer = await ai.models.generateContent({
  model: MODEL,
  contents: [
    { text: 'please repeat marzipan' },
    { fileData: { fileUri: cited.uri, mimeType: cited.mimeType } },
  ],
});
say({ answer: answer.text });
say({ listed: await all(await ai.files.list({ config: { pageSize: 4 } })) });
say({ got: describe(await ai.files.get({ name: cited.name })) });
for (const file of files) await ai.files.delete({ name: file.name });
try {
  await ai.files.get({ name: cited.name });
} catch (error) {
  say({ gone: error.status, message: error.message });
}
say({ left: await all(await ai.files.list()) });

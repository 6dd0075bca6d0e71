// A Live session by Google's JavaScript SDK: text, a call of a function, an end, a bad token.
import { GoogleGenAI, Modality } from '@google/genai';
import { text as everything } from 'node:stream/consumers';

const [baseUrl, model] = process.argv.slice(2);
const apiKey = (await everything(process.stdin)).trim();

async function open(key, config, apiVersion = 'v1beta') {
  const ai = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl, apiVersion } });
  const messages = [];
  const waiting = [];
  const heard = (message) => (waiting.length ? waiting.shift()(message) : messages.push(message));
  const session = await ai.live.connect({
    model,
    config: { responseModalities: [Modality.TEXT], ...config },
    callbacks: { onmessage: heard, onerror: () => {}, onclose: (event) => heard({ closed: event.code }) },
  });
  const next = () =>
    messages.length ? messages.shift() : new Promise((resolve) => waiting.push(resolve));
  return { session, next };
}

async function answer(next) {
  let said = '';
  for (;;) {
    const message = await next();
    for (const part of message.serverContent?.modelTurn?.parts ?? []) said += part.text ?? '';
    if (message.toolCall || message.serverContent?.turnComplete) {
      return { said, calls: message.toolCall?.functionCalls, usage: message.usageMetadata };
    }
  }
}

const talk = await open(apiKey, {});
talk.session.sendClientContent({ turns: 'please repeat praline', turnComplete: true });
const told = await answer(talk.next);
console.log(JSON.stringify({ said: told.said, tokens: told.usage.totalTokenCount > 0 }));
talk.session.close();
console.log(JSON.stringify(await talk.next()));

const functionDeclarations = [{ name: 'weather', description: 'Weather', parameters: { type: 'OBJECT', properties: {} } }];
const tool = await open(apiKey, { tools: [{ functionDeclarations }] });
tool.session.sendClientContent({ turns: 'how is the weather?', turnComplete: true });
const { calls } = await answer(tool.next);
const functionResponses = calls.map(({ id, name }) => ({ id, name, response: { sky: 'blue' } }));
tool.session.sendToolResponse({ functionResponses });
console.log(JSON.stringify({ called: calls[0].name, said: (await answer(tool.next)).said }));
tool.session.close();

const maker = new GoogleGenAI({ apiKey, httpOptions: { baseUrl, apiVersion: 'v1alpha' } });
const token = await maker.authTokens.create({ config: { uses: 1 } });
const borrowed = await open(token.name, {}, 'v1alpha');
borrowed.session.sendClientContent({ turns: 'please repeat praline', turnComplete: true });
console.log(JSON.stringify({ ephemeral: (await answer(borrowed.next)).said }));
borrowed.session.close();

try {
  await open('sk-nobody-000000', {});
} catch (error) {
  console.log(JSON.stringify({ refused: error.message }));
}
process.exit(0);

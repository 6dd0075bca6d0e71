// Live sessions by Google's JavaScript SDK, side by side, as lines of JSON on stdin tell it:
// {"open": 1, "url": ...} opens one, {"session": 1, "ask": ...} takes a turn. What comes of each is
// told on stdout, and the end of a session whenever it comes.
import { GoogleGenAI, Modality } from '@google/genai';
import { createInterface } from 'node:readline';

const [model] = process.argv.slice(2);
const sessions = new Map();
const tell = (line) => console.log(JSON.stringify(line));
let apiKey;

async function open(number, baseUrl) {
  const ai = new GoogleGenAI({ apiKey, httpOptions: { baseUrl, apiVersion: 'v1beta' } });
  let said = '';
  const heard = ({ serverContent }) => {
    for (const part of serverContent?.modelTurn?.parts ?? []) said += part.text ?? '';
    if (!serverContent?.turnComplete) return;
    tell({ session: number, said });
    said = '';
  };
  const session = await ai.live.connect({
    model,
    config: { responseModalities: [Modality.TEXT] },
    callbacks: {
      onmessage: heard,
      onerror: () => {},
      onclose: ({ code, reason }) => tell({ session: number, closed: code, reason }),
    },
  });
  sessions.set(number, session);
  tell({ session: number, opened: true });
}

for await (const line of createInterface({ input: process.stdin })) {
  if (apiKey === undefined) {
    apiKey = line;
    continue;
  }
  const order = JSON.parse(line);
  if (order.open !== undefined) await open(order.open, order.url);
  else sessions.get(order.session).sendClientContent({ turns: order.ask, turnComplete: true });
}
process.exit(0);

// Vercel's AI SDK, with its provider for either dialect.

import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, Output, embedMany, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import * as report from './reporting.mjs';

const { need } = report;
const isGoogle = report.DIALECT === 'gemini';

function providerWith(apiKey) {
  return isGoogle
    ? createGoogleGenerativeAI({ apiKey, baseURL: `${report.URL_}/v1beta` })
    : createOpenAICompatible({
      name: 'balance',
      apiKey,
      baseURL: `${report.URL_}/v1`,
      includeUsage: true,
      supportsStructuredOutputs: true,
    });
}

const provider = providerWith(report.TOKEN);
const model = provider(report.MODEL);
const prompt = 'please repeat praline';

async function chat() {
  const answer = await generateText({ model, system: 'Be terse.', prompt });
  need(answer.text.includes('praline') && answer.finishReason === 'stop', answer.text);
  need(answer.usage.totalTokens > 0, answer.usage);
  return answer.finishReason;
}

async function stream() {
  const answer = streamText({ model, prompt });
  let text = '';
  for await (const piece of answer.textStream) text += piece;
  need(text.includes('praline') && (await answer.finishReason) === 'stop', text);
  const usage = await answer.usage;
  need(usage.totalTokens > 0, usage);
  return 'with usage';
}

async function tools() {
  const asked = [];
  const execute = async ({ city }) => asked.push(city) && '21 degrees';
  const inputSchema = z.object({ city: z.string() });
  const answer = await generateText({
    model: provider(report.SIGNING_MODEL),
    prompt: 'How warm is it?',
    tools: { get_weather: tool({ description: 'Tells the weather.', inputSchema, execute }) },
    stopWhen: stepCountIs(3),
  });
  need(asked.length === 1 && answer.text.includes('21 degrees'), { asked, text: answer.text });
  return 'called by the SDK';
}

async function structured() {
  const schema = z.object({ name: z.string(), inhabitants: z.number() });
  const output = Output.object({ schema });
  const answer = await generateText({ model, output, prompt: 'Which city?' });
  need(typeof answer.output.name === 'string', answer.output);
  return JSON.stringify(answer.output);
}

async function vision() {
  const image = { type: 'file', data: report.PICTURE, mediaType: 'image/png' };
  const content = [{ type: 'text', text: 'what is this?' }, image];
  const { usage } = await generateText({ model, messages: [{ role: 'user', content }] });
  need(usage.inputTokens > report.LEAST_IMAGE_TOKENS, usage);
  return isGoogle ? 'inline' : 'data URL';
}

async function embeddings() {
  const embedder = provider.textEmbeddingModel?.(report.EMBEDDING_MODEL)
    ?? provider.embeddingModel(report.EMBEDDING_MODEL);
  const answer = await embedMany({ model: embedder, values: ['a', 'b'] });
  need(answer.embeddings.length === 2 && answer.embeddings[0].length > 0, answer.embeddings.length);
  return 'two';
}

async function error() {
  const unknown = await report.raised(
    () => generateText({ model: provider(report.UNKNOWN_MODEL), prompt, maxRetries: 0 }),
  );
  need(APICallError.isInstance(unknown) && unknown.statusCode === 404, unknown);
  const stranger = providerWith('sk-unknown')(report.MODEL);
  const refused = await report.raised(() => generateText({ model: stranger, prompt, maxRetries: 0 }));
  need(refused.statusCode === 401, refused);
  return 'APICallError 404, 401';
}

const providerPackage = isGoogle ? '@ai-sdk/google' : '@ai-sdk/openai-compatible';
await report.run(['ai', providerPackage], {
  chat, stream, tools, structured, vision, embeddings, error,
});

// LangChain in JavaScript, with its models for either dialect.

import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatGoogleGenerativeAI, GoogleGenerativeAIEmbeddings } from '@langchain/google-genai';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { z } from 'zod';
import * as report from './reporting.mjs';

const { need } = report;
const isGoogle = report.DIALECT === 'gemini';

function modelOf(model = report.MODEL, apiKey = report.TOKEN) {
  const options = { model, apiKey, maxRetries: 0 };
  return isGoogle
    ? new ChatGoogleGenerativeAI({ ...options, baseUrl: report.URL_ })
    : new ChatOpenAI({ ...options, configuration: { baseURL: `${report.URL_}/v1` } });
}

async function chat() {
  const answer = await modelOf().invoke([['system', 'Be terse.'], ['user', 'repeat praline']]);
  need(answer.text.includes('praline') && answer.usage_metadata.total_tokens > 0, answer);
  return 'with usage';
}

async function stream() {
  let whole;
  for await (const chunk of await modelOf().stream('please repeat praline')) {
    whole = whole ? whole.concat(chunk) : chunk;
  }
  need(whole.text.includes('praline') && whole.usage_metadata?.total_tokens > 0, whole);
  return 'with usage';
}

async function tools() {
  const schema = z.object({ city: z.string() });
  const description = 'Tells the weather.';
  const weather = tool(async () => '21 degrees', { name: 'get_weather', description, schema });
  const bound = modelOf(report.SIGNING_MODEL).bindTools([weather]);
  const messages = [new HumanMessage('How warm is it?')];
  const turn = await bound.invoke(messages);
  const [call] = turn.tool_calls;
  const result = await weather.invoke(call);
  need(result instanceof ToolMessage, result);
  const answer = await bound.invoke([...messages, turn, result]);
  need(answer.text.includes('21 degrees'), answer);
  return 'two turns';
}

async function structured() {
  const schema = z.object({ name: z.string(), inhabitants: z.number() });
  const answer = await modelOf().withStructuredOutput(schema).invoke('Which city?');
  need(typeof answer.name === 'string' && typeof answer.inhabitants === 'number', answer);
  return JSON.stringify(answer);
}

async function vision() {
  const picture = { type: 'image_url', image_url: { url: report.PICTURE_URL } };
  const content = [{ type: 'text', text: 'what is this?' }, picture];
  const { usage_metadata: usage } = await modelOf().invoke([new HumanMessage({ content })]);
  need(usage.input_tokens > report.LEAST_IMAGE_TOKENS, usage);
  return 'data URL';
}

async function embeddings() {
  const options = { model: report.EMBEDDING_MODEL, apiKey: report.TOKEN, maxRetries: 0 };
  const embedder = isGoogle
    ? new GoogleGenerativeAIEmbeddings({ ...options, baseUrl: report.URL_ })
    : new OpenAIEmbeddings({ ...options, configuration: { baseURL: `${report.URL_}/v1` } });
  const vectors = await embedder.embedDocuments(['a', 'b']);
  need(vectors.length === 2 && vectors[0].length > 0, vectors.length);
  return 'two';
}

async function responses() {
  const configuration = { baseURL: `${report.URL_}/v1` };
  const options = { model: report.MODEL, apiKey: report.TOKEN, maxRetries: 0 };
  const model = new ChatOpenAI({ ...options, configuration, useResponsesApi: true });
  let whole;
  for await (const chunk of await model.stream('please repeat praline')) {
    whole = whole ? whole.concat(chunk) : chunk;
  }
  need(whole.text.includes('praline') && whole.usage_metadata?.total_tokens > 0, whole);
  return 'useResponsesApi';
}

async function error() {
  const unknown = await report.raised(() => modelOf(report.UNKNOWN_MODEL).invoke('hello'));
  need(unknown.status === 404, unknown);
  const stranger = modelOf(report.MODEL, 'sk-unknown');
  const refused = await report.raised(() => stranger.invoke('hello'));
  need(refused.status === 401, refused);
  return 'status 404, 401';
}

const provider = isGoogle ? '@langchain/google-genai' : '@langchain/openai';
await report.run([provider, '@langchain/core'], {
  chat, stream, tools, structured, vision, embeddings, error, ...(isGoogle ? {} : { responses }),
});

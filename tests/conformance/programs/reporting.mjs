// How the JavaScript programs of the conformance suite are told what to do, and tell how it went.
// Arguments, input and output are those of reporting.py.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import zlib from 'node:zlib';

const [url, dialect] = process.argv.slice(2);
export const URL_ = url;
export const DIALECT = dialect;
export const TOKEN = readFileSync(0, 'utf-8').trim();
export const MODEL = 'gemini-2.5-flash';
export const SIGNING_MODEL = 'gemini-3-flash-preview';
export const EMBEDDING_MODEL = 'gemini-embedding-001';
export const LIVE_MODEL = 'gemini-live-2.5-flash-preview';
export const UNKNOWN_MODEL = 'gemini-99';
export const LEAST_IMAGE_TOKENS = 200;

function chunk(kind, data) {
  const typed = Buffer.concat([Buffer.from(kind), data]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(zlib.crc32(typed));
  return Buffer.concat([size, typed, checksum]);
}

function picture() {
  const size = 16;
  const head = Buffer.from([0, 0, 0, size, 0, 0, 0, size, 8, 2, 0, 0, 0]);
  const row = [0, ...Array(size).fill([0xe0, 0x30, 0x30]).flat()];
  const rows = zlib.deflateSync(Buffer.from(Array(size).fill(row).flat()));
  const start = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
  const empty = Buffer.alloc(0);
  return Buffer.concat([start, chunk('IHDR', head), chunk('IDAT', rows), chunk('IEND', empty)]);
}

function sound() {
  const samples = Buffer.alloc(8000);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(16000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}

export const PICTURE = picture();
export const PICTURE_B64 = PICTURE.toString('base64');
export const PICTURE_URL = `data:image/png;base64,${PICTURE_B64}`;
export const SOUND = sound();

export function need(condition, found) {
  if (!condition) throw new Error(`found ${JSON.stringify(found)?.slice(0, 400)}`);
}

export async function raised(action) {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was raised');
}

const say = (facts) => console.log(JSON.stringify(facts));

function versionOf(name) {
  // Some packages do not export their description, so it is looked for beside their code.
  const require = createRequire(import.meta.url);
  for (const folder of require.resolve.paths(name)) {
    try {
      return JSON.parse(readFileSync(path.join(folder, name, 'package.json'), 'utf-8')).version;
    } catch {
      continue;
    }
  }
  return 'unknown';
}

export async function run(packages, features) {
  say({ versions: Object.fromEntries(packages.map((name) => [name, versionOf(name)])) });
  for (const [feature, action] of Object.entries(features)) {
    try {
      say({ feature, ok: true, detail: String((await action()) ?? '') });
    } catch (error) {
      const detail = `${error?.constructor?.name}: ${error?.message}`.slice(0, 600);
      say({ feature, ok: false, detail });
    }
  }
}

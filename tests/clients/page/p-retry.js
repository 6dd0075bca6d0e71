// In place of the package of that name, which is no module: tries once, as the SDK does by default.
export class AbortError extends Error {}

export default async function tryOnce(work) {
  return work(1);
}

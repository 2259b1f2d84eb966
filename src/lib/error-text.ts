/**
 * What went wrong, in one line: the message, those of its causes, and those of the errors an AggregateError holds (where the
 * message itself is often empty, as for a connection refused on every address of a name). Each thing is said once.
 */
export function errorText(thrown: unknown): string {
  const texts: string[] = []
  collect(thrown, texts, 0)
  return texts.join(': ') || 'unknown error'
}

const MAX_DEPTH = 8

function collect(thrown: unknown, texts: string[], depth: number): void {
  if (thrown === undefined || thrown === null || depth > MAX_DEPTH) return
  if (thrown instanceof Error) {
    const inner = thrown instanceof AggregateError ? [...thrown.errors, thrown.cause] : [thrown.cause]
    const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : thrown.name
    const isMute = inner.every((error) => error === undefined)
    add(texts, thrown.message || (isMute ? code : ''))
    for (const error of inner) collect(error, texts, depth + 1)
  } else {
    add(texts, String(thrown))
  }
}

function add(texts: string[], text: string): void {
  const line = text.replace(/\s+/g, ' ').trim()
  if (line !== '' && !texts.some((said) => said.includes(line))) texts.push(line)
}

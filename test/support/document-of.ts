/** The document that a line of the worker's output is; undefined of half a line, which a process that is killed may leave. */
export function documentOf<Document>(line: string): Document | undefined {
  try {
    return JSON.parse(line) as Document
  } catch {
    return undefined
  }
}

export interface Point {
  readonly measurement: string
  /** Unescaped. */
  readonly tags: Readonly<Record<string, string>>
  /** As written, an integer with its `i`. */
  readonly fields: Readonly<Record<string, string>>
  readonly timestamp: bigint
}

/** A backslash escapes a comma, an equals sign or a space; before anything else it is itself. */
const TAG = /,([a-z_]+)=((?:\\[,= ]|[^\\,= \p{Cc}]|\\(?![,= ]))+)/uy
const FIELD = /([a-z_]+)=(-?(?:0|[1-9]\d*)(?:i|\.\d*[1-9])?)/y
const MAX_INT64 = 2n ** 63n - 1n

/**
 * Parses one line as strictly as the program promises to write it, which is stricter than InfluxDB: tags and fields sorted and none
 * twice, no tag empty, no control character, shortest numbers without exponents, integers and timestamps in InfluxDB's range.
 * Throws where it is anything else.
 */
export function parseLine(line: string): Point {
  const [measurement = ''] = /^(http_request|log|instance)(?=[ ,])/.exec(line) ?? []
  let at = measurement.length
  const fail = (expected: string): never => {
    throw new Error(`not line protocol at ${at}, ${expected} expected: ${JSON.stringify(line)}`)
  }
  if (measurement === '') fail('a measurement')

  const tags: [string, string][] = []
  while (line[at] === ',') {
    TAG.lastIndex = at
    const [whole, key = '', value = ''] = TAG.exec(line) ?? fail('a tag')
    tags.push([key, value.replace(/\\([,= ])/g, '$1')])
    at += whole.length
  }
  if (!isSorted(tags)) fail('tags in order')

  const fields: [string, string][] = []
  for (const separator = () => (fields.length === 0 ? ' ' : ','); line[at] === separator(); ) {
    FIELD.lastIndex = ++at
    const [whole, key = '', value = ''] = FIELD.exec(line) ?? fail('a field')
    if (value.endsWith('i') && !isInt64(value.slice(0, -1))) fail('a 64-bit integer')
    fields.push([key, value])
    at += whole.length
  }
  if (fields.length === 0 || !isSorted(fields)) fail('fields in order')

  const [rest, digits = ''] = /^ (0|-?[1-9]\d*)\n$/.exec(line.slice(at)) ?? fail('a timestamp and the end of the line')
  const timestamp = BigInt(digits)
  if (timestamp < -MAX_INT64 + 1n || timestamp > MAX_INT64 - 1n) fail(`a timestamp in range, not${rest}`)
  return { measurement, tags: Object.fromEntries(tags), fields: Object.fromEntries(fields), timestamp }
}

function isSorted(entries: readonly (readonly [string, string])[]): boolean {
  return entries.every(([key], index) => index === 0 || (entries[index - 1]?.[0] ?? '') < key)
}

function isInt64(digits: string): boolean {
  const value = BigInt(digits)
  return value <= MAX_INT64 && value >= -MAX_INT64 - 1n && digits !== '-0'
}

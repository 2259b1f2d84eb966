import fc from 'fast-check'

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const double = fc.double({ noNaN: true, noDefaultInfinity: true })
const text = fc.string({ unit: 'binary', maxLength: 20 })
const uuid = fc.record({ low: uint64, high: uint64 })

const httpStartStop = fc.record(
  {
    startTimestamp: int64,
    stopTimestamp: int64,
    requestId: uuid,
    peerType: fc.constantFrom(1, 2),
    method: fc.oneof(fc.integer({ min: 1, max: 44 }), int32),
    uri: text,
    remoteAddress: text,
    userAgent: text,
    statusCode: int32,
    contentLength: int64,
    applicationId: uuid,
    instanceIndex: int32,
    instanceId: text,
    forwarded: fc.array(text, { maxLength: 3 }),
  },
  {
    requiredKeys: [
      ...(['startTimestamp', 'stopTimestamp', 'requestId', 'peerType', 'method', 'uri'] as const),
      ...(['remoteAddress', 'userAgent', 'statusCode', 'contentLength'] as const),
    ],
  },
)

const logMessage = fc.record(
  {
    message: fc.base64String({ maxLength: 60 }),
    message_type: fc.oneof(fc.constantFrom(1, 2), int32),
    timestamp: int64,
    app_id: text,
    source_type: fc.oneof(fc.constantFrom('APP', 'APP/PROC/WEB', 'App', 'RTR', 'STG', 'app', 'RT'), text),
    source_instance: text,
  },
  { requiredKeys: ['message', 'message_type', 'timestamp'] },
)

const containerMetric = fc.record(
  {
    applicationId: text,
    instanceIndex: int32,
    cpuPercentage: double,
    memoryBytes: uint64,
    diskBytes: uint64,
    memoryBytesQuota: uint64,
    diskBytesQuota: uint64,
  },
  { requiredKeys: ['applicationId', 'instanceIndex', 'cpuPercentage', 'memoryBytes', 'diskBytes'] },
)

/** Envelopes that both encodings can say: all that protobuf requires is there, integers are numbers or bigints. */
export const anyEnvelope = fc.record(
  {
    origin: text,
    eventType: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(4, 5, 9) }, { weight: 1, arbitrary: int32 }),
    timestamp: int64,
    deployment: text,
    tags: fc.dictionary(text, text, { maxKeys: 3 }),
    httpStartStop,
    logMessage,
    containerMetric,
    valueMetric: fc.record({ name: text, value: double, unit: text }),
  },
  { requiredKeys: ['origin', 'eventType'] },
)

/** How one JSON text spells what another one says. */
export interface Spelling {
  readonly key: (key: string) => string
  readonly string: (text: string) => string
  /** Between any two tokens. */
  readonly space: () => string
}

const plain: Spelling = { key: JSON.stringify, string: JSON.stringify, space: () => '' }

/** Spells with capitals, escapes and white space that Go takes for the same. */
export const anySpelling: fc.Arbitrary<Spelling> = fc.infiniteStream(fc.nat(11)).map((choices) => {
  const choose = () => choices.next().value as number
  const escaped = (character: string) => (choose() === 0 ? unicodeEscapes(character) : JSON.stringify(character).slice(1, -1))
  const cased = (character: string) => (choose() < 3 ? foldedOtherwise(character) : character)
  return {
    key: (key) => `"${Array.from(key, (character) => escaped(cased(character))).join('')}"`,
    string: (text) => `"${Array.from(text, escaped).join('')}"`,
    space: () => ['', '', '', ' ', '\n', '\t', '\r\n'][choose()] ?? '',
  }
})

function unicodeEscapes(character: string): string {
  return Array.from({ length: character.length }, (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')
}

function foldedOtherwise(letter: string): string {
  return { s: '\u017f', k: '\u212a' }[letter] ?? letter.toUpperCase()
}

/** The JSON text of an envelope, with all digits of its bigints. */
export function toJson(value: unknown, spelling: Spelling = plain): string {
  const { space } = spelling
  const around = (open: string, members: readonly string[], close: string) => `${open}${members.join(`${space()},`)}${space()}${close}`
  if (Array.isArray(value))
    return around(
      '[',
      value.map((element) => space() + toJson(element, spelling)),
      ']',
    )
  if (typeof value === 'string') return spelling.string(value)
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value)
  const isMap = !Object.keys(value).every((key) => /^[a-zA-Z_]+$/.test(key))
  const members = Object.entries(value).map(
    ([key, member]) => `${space()}${isMap ? spelling.string(key) : spelling.key(key)}${space()}:${space()}${toJson(member, spelling)}`,
  )
  return around('{', members, '}')
}

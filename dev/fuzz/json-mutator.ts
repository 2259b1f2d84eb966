import { editByte, splice } from './byte-edits.ts'
import type { Random } from './random.ts'

const KEYS = (
  'origin eventType timestamp ip tags httpStartStop logMessage valueMetric counterEvent error containerMetric startTimestamp stopTimestamp ' +
  'requestId peerType method uri statusCode contentLength applicationId instanceIndex forwarded low high message message_type app_id ' +
  'source_type source_instance source_id sourceId instance_id deprecated_tags log payload type gauge metrics cpu timer name start stop value delta code cpuPercentage memoryBytes diskBytes memoryBytesQuota diskBytesQuota x __proto__'
).split(' ')

/** Values that are legal somewhere, and a few that are legal nowhere. */
const VALUES = [
  ...[
    'null',
    'true',
    '0',
    '-0',
    '1',
    '-1',
    '1.0',
    '1e3',
    '0.5',
    '4',
    '5',
    '9',
    '44',
    '45',
    '255',
    '256',
    '1e308',
    '1e309',
    '5e-324',
    '01',
    '-',
    'nul',
  ],
  ...[
    '2147483647',
    '2147483648',
    '-2147483649',
    '9223372036854775807',
    '9223372036854775808',
    '-9223372036854775808',
    '18446744073709551616',
  ],
  ...[
    '""',
    '"APP"',
    '"RTR"',
    '"GET"',
    '"ERR"',
    '"LogMessage"',
    '"YQ=="',
    '"YQ="',
    '"YWI"',
    '"\\nYQ==\\n"',
    '"\\ud83d"',
    '"\\ud83d\\ude00"',
    '"\\x"',
  ],
  ...[
    '"a,b=c d\\\\"',
    '"\\n\\u0000\\u0085"',
    '"\xff"',
    '"\xf0\x9f\x98"',
    '"\x01"',
    '[]',
    '[1,2]',
    '[256]',
    '[null]',
    '[1,]',
    '{}',
    '{"a":1}',
    '{,}',
  ],
  ...['{"low":1,"high":2}', '{"LOW":18446744073709551615}', '"00000000-0000-0000-0000-000000000000"'],
].map((value) => Buffer.from(value, 'latin1'))

interface Span {
  readonly start: number
  readonly end: number
}

/** An envelope in JSON that knows where its parts are, to be spoilt in ways that look like JSON. */
export class JsonMutator {
  readonly #bytes: Buffer
  readonly #values: readonly Span[]
  readonly #members: readonly Span[]

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    const text = bytes.toString('latin1')
    this.#values = spans(text, /(?<=":)("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|null|true|false)/g)
    this.#members = spans(text, /(?<=[{,])"\w+":("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|\{[^{}]*\})/g)
  }

  mutate(random: Random): Buffer {
    const mutated = this.#replaceOne(random)
    return random.below(4) === 0 && mutated.length > 0 ? editByte(mutated, random) : mutated
  }

  #replaceOne(random: Random): Buffer {
    const bytes = this.#bytes
    const value = random.pick(this.#values)
    const member = random.pick(this.#members)
    if (value === undefined || member === undefined) return editByte(bytes, random)
    switch (random.below(6)) {
      case 0:
        return splice(bytes, value.start, value.end, random.pick(VALUES))
      case 1:
        return splice(
          bytes,
          member.start,
          member.start,
          Buffer.concat([Buffer.from(`"${misspell(random.pick(KEYS), random)}":`), random.pick(VALUES), Buffer.from(',')]),
        )
      case 2:
        return splice(
          bytes,
          member.start,
          member.start,
          Buffer.concat([bytes.subarray(member.start, member.end), Buffer.from(random.pick([',', ' , ', '']))]),
        )
      case 3:
        return splice(bytes, member.start, member.end, Buffer.from(random.pick(['"x":1', '"index":"0"', '', ' '])))
      case 4:
        return bytes.subarray(0, random.below(bytes.length))
      default:
        return editByte(bytes, random)
    }
  }
}

/** Spelt otherwise: in half of the cases Go takes it for the same key. */
function misspell(key: string, random: Random): string {
  const at = random.below(key.length)
  const letter = key.charAt(at)
  const spelling = random.pick([
    letter,
    letter.toUpperCase(),
    `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
    '\u017f',
    '\u212a',
    'ß',
    '',
  ])
  return key.slice(0, at) + spelling + key.slice(at + 1)
}

function spans(text: string, pattern: RegExp): Span[] {
  return Array.from(text.matchAll(pattern), (match) => ({ start: match.index, end: match.index + match[0].length }))
}

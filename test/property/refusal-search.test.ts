import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type InfluxDbResponse, judgeAnswer } from '../../src/outputs/influxdb/answer.ts'
import { RefusalSearch } from '../../src/outputs/influxdb/refusal-search.ts'
import { linesOf, textsOf } from '../fakes/lines.ts'

const line = (number: number) => `http_request,app=a${number % 7} count=1i ${number}`
const numberOf = (text: string) => Number(text.split(' ').at(-1))

/** A server that refuses some points and tells of it in its own way; what it says is all that the search has. */
type Telling = (refused: readonly string[], sent: readonly string[], choice: () => number) => InfluxDbResponse

const partial = (reason: string, dropped: number): InfluxDbResponse => ({
  status: 400,
  body: JSON.stringify({ error: `partial write: ${reason} dropped=${dropped}` }),
})
const conflict = 'field type conflict: input field "count" on measurement "http_request" is type float, already exists as type integer'

const tellings: Record<string, Telling> = {
  'names nothing': (refused) => partial(conflict, Math.min(1, refused.length)),
  'counts exactly': (refused) => partial(conflict, refused.length),
  'counts too few': (refused, _, choice) => partial(conflict, Math.floor(choice() * (refused.length + 1))),
  'quotes the first': ([first]) => partial(`unable to parse '${first}': invalid number`, 0),
  'quotes some': (refused, _, choice) => {
    const quoted = refused.filter(() => choice() < 0.3).map((text) => `unable to parse '${text}': invalid number`)
    return quoted.length === 0 ? partial(conflict, 1) : { status: 400, body: JSON.stringify({ error: quoted.join('\n') }) }
  },
  'numbers up to 3': (refused, sent) => ({
    status: 400,
    body: JSON.stringify({
      error: 'partial write of line protocol occurred',
      data: refused.slice(0, 3).map((text) => ({ line_number: sent.indexOf(text) + 1, original_line: text, error_message: 'bad' })),
    }),
  }),
  'points at others': (_, sent, choice) => {
    const value = sent[Math.floor(choice() * sent.length)]?.match(/app=(\w+)/)?.[1]
    return partial(`max-values-per-tag limit exceeded (1/1): measurement="http_request" tag="app" value="${value}"`, 1)
  },
  'points at all but one': (_, sent) => partial('points beyond retention policy', sent.length - 1),
  'has other words for one and the same': (_, __, choice) => ({
    status: 400,
    body: JSON.stringify({ error: `no, ${['thank you', 'never'][Math.floor(choice() * 2)]}` }),
  }),
  'says no more than no': () => ({ status: 400, body: '{"error":"no"}' }),
}

interface Outcome {
  readonly refused: readonly number[]
  readonly stored: ReadonlySet<number>
  readonly writes: number
  readonly isDoubtful: boolean
}

function search(count: number, bad: ReadonlySet<number>, telling: Telling, choice: () => number): Outcome {
  const batch = linesOf(Array.from({ length: count }, (_, number) => line(number)))
  const search = new RefusalSearch(batch)
  const stored = new Set<number>()
  let writes = 0
  for (let sent = search.next; sent !== undefined; sent = search.next) {
    expect(++writes, 'the search ends').toBeLessThanOrEqual(2 * count)
    const texts = textsOf(sent)
    const refused = texts.filter((text) => bad.has(numberOf(text)))
    for (const text of texts) if (!refused.includes(text)) stored.add(numberOf(text))
    const answer = judgeAnswer(refused.length === 0 ? { status: 204, body: '' } : telling(refused, texts, choice), sent, 'v1')
    if (answer.outcome === 'stored') search.onStored()
    else if (answer.outcome === 'refused') search.onRefused(answer)
    else expect.fail(`not a refusal: ${answer.outcome}`)
  }
  return { refused: search.refused.map((refusal) => refusal.record), stored, writes, isDoubtful: search.isDoubtful }
}

const cases = fc.record({
  count: fc.integer({ min: 1, max: 120 }),
  badShare: fc.constantFrom(0, 0.01, 0.1, 0.5, 1),
  seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
})

/** Seeded, so that a failure can be shown again. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}

for (const [name, telling] of Object.entries(tellings)) {
  it(`finds exactly the refused points and stores all others, where the server ${name}`, () => {
    fc.assert(
      fc.property(cases, ({ count, badShare, seed }) => {
        const choice = random(seed)
        const all = Array.from({ length: count }, (_, number) => number)
        const bad = new Set(all.filter(() => choice() < badShare))
        const outcome = search(count, bad, telling, choice)
        expect(outcome.writes).toBeLessThanOrEqual(2 * count)
        const maxPerBad = 3 * (Math.ceil(Math.log2(count)) + 1)
        expect(outcome.writes).toBeLessThanOrEqual(1 + bad.size * maxPerBad)
        if (outcome.isDoubtful) {
          expect(bad.size, 'only when nothing is stored').toBe(count)
          return
        }
        expect(outcome.refused).toEqual([...bad])
        expect(outcome.stored.size).toBe(count - bad.size)
      }),
      { numRuns: 60 },
    )
  })
}

it('needs few writes where every point of one measurement conflicts', () => {
  const batch = Array.from({ length: 3000 }, (_, i) => (i % 3 === 0 ? `log,app=a count=1i ${i}` : `http_request,app=a count=1i ${i}`))
  const search = new RefusalSearch(linesOf(batch))
  let writes = 0
  for (let sent = search.next; sent !== undefined; sent = search.next) {
    writes++
    const bad = textsOf(sent).filter((text) => text.startsWith('log,')).length
    const error = `partial write: field type conflict: input field "count" on measurement "log" is type integer, already exists as type string dropped=${bad}`
    const answer = judgeAnswer(bad === 0 ? { status: 204, body: '' } : { status: 400, body: JSON.stringify({ error }) }, sent, 'v1')
    if (answer.outcome === 'stored') search.onStored()
    else if (answer.outcome === 'refused') search.onRefused(answer)
  }
  expect(search.refused).toHaveLength(1000)
  expect(writes).toBeLessThanOrEqual(4)
})

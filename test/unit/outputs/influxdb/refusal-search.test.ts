import { expect, it } from 'vitest'
import type { Refusal } from '../../../../src/outputs/influxdb/answer.ts'
import { RefusalSearch } from '../../../../src/outputs/influxdb/refusal-search.ts'
import { linesOf, textsOf } from '../../../fakes/lines.ts'

const refusal = (reason: string, rest: Partial<Refusal> = {}): Refusal => ({
  outcome: 'refused',
  reason,
  hint: reason,
  named: [],
  isTotal: false,
  isAboutPoints: false,
  ...rest,
})
const four = linesOf(['a v=1 1', 'b v=1 2', 'c v=1 3', 'd v=1 4'])

/** Answers until the search ends; what was sent, write by write. */
function drive(search: RefusalSearch, answer: (texts: string[]) => Refusal | 'stored' | 'too large'): string[] {
  const sent: string[] = []
  for (let next = search.next; next !== undefined; next = search.next) {
    const texts = textsOf(next)
    sent.push(texts.map((text) => text[0]).join(''))
    const said = answer(texts)
    if (said === 'stored') search.onStored()
    else if (said === 'too large') search.onTooLarge('HTTP 413')
    else search.onRefused(said)
  }
  return sent
}

it('writes a good batch once, its own bytes', () => {
  const search = new RefusalSearch(four)
  expect(search.next).toBe(four)
  search.onStored()
  expect(search.next).toBeUndefined()
  expect(search.refused).toEqual([])
})

it('has nothing to write for an empty batch', () => expect(new RefusalSearch(linesOf([])).next).toBeUndefined())

it('gives the same part again until something is reported', () => {
  const search = new RefusalSearch(four)
  search.onRefused(refusal('no'))
  const { next } = search
  expect(textsOf(next as never)).toEqual(['a v=1 1', 'b v=1 2'])
  expect(search.next).toBe(next)
})

it('takes out what is named and writes the rest together', () => {
  const search = new RefusalSearch(four)
  const named = [{ record: 2, reason: 'bad c' }]
  const sent = drive(search, (texts) => (texts.length === 4 ? refusal('partial', { named, isAboutPoints: true }) : 'stored'))
  expect(sent).toEqual(['abcd', 'abd'])
  expect(search.refused).toEqual([{ record: 2, reason: 'bad c' }])
})

it('halves what is too large, down to the point that is', () => {
  const search = new RefusalSearch(four)
  const sent = drive(search, (texts) => (texts.includes('c v=1 3') ? 'too large' : 'stored'))
  expect(sent).toEqual(['abcd', 'ab', 'cd', 'c', 'd'])
  expect(search.refused).toEqual([{ record: 2, reason: 'HTTP 413' }])
})

it('doubts that every point is bad, where all are refused in the same words', () => {
  const search = new RefusalSearch(four)
  let request = 0
  expect(drive(search, () => refusal(`HTTP 400: missing parameter (request ${++request}, id 0a1b2c3d4e)`))).toHaveLength(7)
  expect(search.isDoubtful).toBe(true)
})

it.each([
  ['the answers say that points are at fault', () => refusal('partial write: x', { isAboutPoints: true })],
  ['the reasons differ', (texts: string[]) => refusal(`bad ${texts[0]?.[0]}`)],
  ['the reason holds the line', (texts: string[]) => refusal(`cannot read "${texts[0]}"`)],
])('believes it where %s', (_, answer) => {
  const search = new RefusalSearch(four)
  drive(search, answer)
  expect(search.isDoubtful).toBe(false)
  expect(search.refused.map(({ record }) => record)).toEqual([0, 1, 2, 3])
})

it('believes it of a single line that the answer quotes', () => {
  const search = new RefusalSearch(linesOf(['a v=1 1']))
  drive(search, ([line]) => refusal(`cannot read "${line}"`))
  expect(search.isDoubtful).toBe(false)
})

it('tries a single line first after a doubtful end, and the rest once that one passes', () => {
  const search = new RefusalSearch(four)
  drive(search, () => refusal('no'))
  const probes = [1, 2].flatMap(() => {
    search.restart({ stands: false })
    return drive(search, () => refusal('no'))
  })
  expect(probes).toEqual(['a', 'd'])
  expect(search.isDoubtful).toBe(true)

  search.restart({ stands: false })
  const bad = 'b v=1 2'
  const sent = drive(search, (texts) => (texts.includes(bad) ? refusal('no') : 'stored'))
  expect(sent[0]).toHaveLength(1)
  expect(search.isDoubtful).toBe(false)
  expect(search.refused.map(({ record }) => record)).toEqual([1])
})

it('believes a refusal that outlasts the doubt, where the server has stored other points since', () => {
  const search = new RefusalSearch(linesOf(['a v=1 1']))
  drive(search, () => refusal('no'))
  expect(search.isDoubtful).toBe(true)
  search.restart({ stands: true })
  drive(search, () => refusal('no'))
  expect(search.isDoubtful).toBe(false)
  expect(search.refused).toEqual([{ record: 0, reason: 'no' }])
})

/** As InfluxDB answers, which refuses lines of which `isRefused` holds and stores the others. */
function writesNeeded(texts: readonly string[], isRefused: (text: string) => boolean, tell: (dropped: number) => string): number {
  const search = new RefusalSearch(linesOf(texts))
  const sent = drive(search, (part) => {
    const dropped = part.filter(isRefused).length
    if (dropped === 0) return 'stored'
    const hint = tell(dropped)
    return refusal(hint.slice(0, 500), { hint, isAboutPoints: true, isTotal: dropped === part.length })
  })
  expect(search.refused.map(({ record }) => texts[record])).toEqual(texts.filter(isRefused))
  return sent.length
}

const mixed = (count: number) => Array.from({ length: count }, (_, number) => (number * 7919) % count)

it('needs few writes where a long text counts the lines that are older than the retention policy', () => {
  const lines = mixed(3000).map((number) => `log,app=a${number % 50},app_guid=g${number % 50} count=1i ${1000 + number}`)
  const name = 'x'.repeat(600)
  const tell = (dropped: number) =>
    `failure writing points to database: partial write: dropped ${dropped} points outside retention policy of duration 1h0m0s - oldest point ${name} dropped=${dropped} for database: cf for retention policy: autogen`
  expect(writesNeeded(lines, (text) => Number(text.split(' ').at(-1)) < 1090, tell)).toBeLessThanOrEqual(150)
})

it('needs few writes where the series of some apps are over the limit of the database', () => {
  const lines = mixed(4800).map((number) => `log,app=a${number % 48},app_guid=g${number % 48},instance=${number % 5} count=1i ${number}`)
  const tell = (dropped: number) => `partial write: max-series-per-database limit exceeded: (1000) dropped=${dropped}`
  expect(writesNeeded(lines, (text) => /app_guid=g[0-7],/.test(text), tell)).toBeLessThanOrEqual(500)
})

it('refuses each point where all conflict and no number is told, without a doubt', () => {
  const search = new RefusalSearch(four)
  drive(search, () => refusal('field type conflict', { isAboutPoints: true }))
  expect([search.isDoubtful, search.refused.length]).toEqual([false, 4])
})

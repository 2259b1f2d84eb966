import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { waitUntil } from '../../dev/wait-until.ts'
import { v1JsonOf } from '../../src/cloud-foundry/decode/v2/v1-json.ts'
import { METHODS } from '../../src/cloud-foundry/methods.ts'
import { startFoundation } from '../support/firehose.ts'
import { buildOfficial, type Official } from '../support/loggregator/official.ts'
import { anyV1, anyV2Spelling, spellV2, toV2, type V1 } from '../support/v2-envelopes.ts'

/** Go compiles all of gRPC where it has not done so before. */
const BUILD_MS = 600_000

/** Or why there is none: then these tests are skipped, and say so. */
let official: Official | string
beforeAll(async () => {
  official = await buildOfficial()
}, BUILD_MS)

/** Go escapes what HTML has a meaning for. */
const unescaped = (json: string) =>
  json.replace(/\\u(003c|003e|0026|2028|2029|007f)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))

const isNamed = ({ httpStartStop: http }: V1) => http === undefined || METHODS[http.method] !== undefined

it('the fake gateway is read by the official client, batch by batch, and every envelope is what was sent', async ({ skip }) => {
  if (typeof official === 'string') return skip(official)
  const foundation = await startFoundation({ gateway: { batchMs: 20, comma: ' ' } })
  const { gateway, cloudController, numbered } = foundation
  const count = 1000
  const reading = official(['read', gateway.url, cloudController.uaa.issue(), 'judge', String(count)])
  await waitUntil('the client has its stream', () => gateway.streams.length === 1)
  expect(gateway.requests[0]?.authorization).toMatch(/^bearer /)
  gateway.publish(...Array.from({ length: count }, (_, number) => numbered.envelope(number)))
  const lines = (await reading).map((line) => JSON.parse(line) as { timestamp: string; source_id: string; tags: Record<string, string> })
  const numbers = lines.map(({ timestamp }) => numbered.numberOf(BigInt(timestamp)))
  // The client takes batches out of order.
  expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, number) => number))
  expect(lines.every(({ tags, source_id }) => tags['app_id'] === source_id)).toBe(true)
})

it('a V2 envelope becomes the V1 envelope that the official conversion makes of it, as Go writes it', async ({ skip }) => {
  if (typeof official === 'string') return skip(official)
  const texts = fc.sample(
    // What has no name is 0 there, and stays the number it is here.
    fc
      .tuple(anyV1.filter(isNamed), anyV2Spelling)
      .map(([v1, spelling]) => spellV2(toV2(v1), { ...spelling, camelCase: false }).replaceAll('\n', ' ')),
    { numRuns: 2000, seed: 7 },
  )
  const expected = await official(['convert'], `${texts.join('\n')}\n`)
  const found = texts.map((text) => v1JsonOf(Buffer.from(text)) ?? 'null')
  const ofApps = expected.map((line) => (/"(valueMetric|counterEvent)":/.test(line) ? 'null' : unescaped(line)))
  const different = found.flatMap((line, index) =>
    line === ofApps[index] ? [] : [{ text: texts[index], found: line, official: ofApps[index] }],
  )
  expect(different.slice(0, 3)).toEqual([])
  expect(ofApps).toHaveLength(texts.length)
  expect(found.filter((line) => line !== 'null').length).toBeGreaterThan(1000)
})

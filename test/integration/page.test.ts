import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startCloudController } from '../../dev/cloud-controller/cloud-controller.ts'
import { ANSWERS } from '../../dev/cloud-controller/faults.ts'
import { startInfluxDb } from '../../dev/influxdb.ts'
import { loadMix } from '../../dev/load/mix.ts'
import { DebugServer } from '../../src/debug/server.ts'
import { createLog } from '../../src/lib/log.ts'
import { guidOf, makeApps } from '../support/apps.ts'
import { logEnvelopes } from '../support/envelopes.ts'
import { KafkaTester } from '../support/kafka.ts'
import { hardToRead, linesOf, pixelsOf, tooWide } from '../support/page-looks.ts'
import { figureOf, levelOf, looks, overflowOf, pageTests, soon, verdictOf } from '../support/page-tests.ts'
import { shared, uniqueName } from '../support/shared.ts'
import { startWorker } from '../support/worker.ts'
import { quietSources } from '../unit/debug/sources.ts'

const { open } = pageTests()
const ledgerOf = (page: Page, fate: string) => page.locator(`tr[data-fate=${fate}] td`).nth(1).textContent()
/** The latest values that stand above a chart. */
const keysOf = (page: Page, title: string) =>
  page
    .locator('#charts figure', { has: page.getByRole('heading', { name: title }) })
    .locator('dd')
    .allTextContents()
const text = (count: number) => count.toLocaleString('en')

describe('a real worker', () => {
  test('is watched through work, waiting, its end and its next start', async ({ skip }) => {
    const topic = uniqueName('page')
    const mix = loadMix()
    const [{ brokers }, influxDb, cloudController] = await Promise.all([
      shared('kafka'),
      startInfluxDb({ databases: ['metrics'] }),
      startCloudController({ apps: mix.apps }),
    ])
    onTestFinished(async () => void (await Promise.all([influxDb.close(), cloudController.close()])))
    const kafka = await KafkaTester.connect({ brokers })
    onTestFinished(() => kafka.close())
    await kafka.topic({ topic, partitions: 2 })
    const send = async (from: number, count: number) => {
      const envelopes = Array.from({ length: count }, (_, i) => mix.envelope(from + i))
      await kafka.produce(topic, envelopes, { partition: from % 2 })
    }
    const env = {
      CFMR_KAFKA_BROKERS: brokers.join(','),
      CFMR_KAFKA_TOPICS: topic,
      CFMR_KAFKA_CONSUMERGROUP: topic,
      CFMR_KAFKA_MAXINFLIGHT: 1000,
      CFMR_INFLUXDB_ADDR: influxDb.url,
      CFMR_INFLUXDB_DATABASE: 'metrics',
      CFMR_INFLUXDB_TIMEOUT: '1s',
      CFMR_BATCHER_FLUSHINTERVAL: '100ms',
      CFMR_BATCHER_FLUSHRETRIES: -1,
      CFMR_CF_API: cloudController.url,
      CFMR_CF_USER: 'admin',
      CFMR_CF_PASSWORD: 'admin',
    }
    const worker = await startWorker({ env })
    await worker.ready()
    const { page, complaints } = await open(skip, worker.url)
    await expect.poll(() => verdictOf(page), soon).toEqual({ level: 'well', headline: 'All is well', reasons: [] })

    await send(0, 3000)
    await send(3001, 500)
    for (const index of [0, 1]) await expect.poll(async () => (await keysOf(page, 'Flow'))[index], soon).toMatch(/^[1-9]/)
    await expect.poll(() => ledgerOf(page, 'consumed'), soon).toBe('3,500')
    await expect.poll(() => ledgerOf(page, 'in_flight'), soon).toBe('0')
    await expect.poll(() => page.locator('#lag-total').textContent(), soon).toBe('0')
    const { ledger, metadata, influxdb, kafka: input } = await worker.stats()
    expect(ledger.written).toBeGreaterThan(3000)
    for (const [fate, count] of Object.entries(ledger)) expect([fate, await ledgerOf(page, fate)]).toEqual([fate, text(count)])
    expect(await figureOf(page, 'influxdb.points')).toBe(text(influxdb.points))
    expect(await figureOf(page, 'influxdb.batches')).toBe(text(influxdb.batches))
    expect(await figureOf(page, 'influxdb.write_seconds.p99')).toMatch(/^[\d.]+ m?s$/)
    expect((await keysOf(page, 'Time of a write')).slice(0, 2)).toEqual(Array(2).fill(expect.stringMatching(/^[\d.]+ m?s$/)))
    expect(await figureOf(page, 'metadata.hits')).toBe(text(metadata.hits))
    expect(await figureOf(page, 'metadata.apps')).toBe(text(mix.apps.length))
    const rows = await page
      .locator('#partitions tr')
      .evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)))
    const offsets = input.partitions.map((of) => [of.committed, of.high_watermark, of.lag, of.in_flight].map(Number))
    expect(rows).toEqual(offsets.map((of, i) => [`${topic}/${i}`, ...of.map(text), '–']))
    expect(await page.locator('#charts canvas').count()).toBe(6)

    influxDb.freeze()
    await send(4000, 100)
    await expect.poll(() => levelOf(page), soon).toBe('trouble')
    const waiting = await verdictOf(page)
    expect(waiting.headline).toBe('Waiting')
    expect(waiting.reasons.join()).toMatch(/influxdb/i)
    expect(await page.title()).toMatch(/^Waiting/)
    influxDb.thaw()
    await expect.poll(() => ledgerOf(page, 'consumed'), soon).toBe('3,600')
    await expect.poll(() => ledgerOf(page, 'in_flight'), soon).toBe('0')
    await expect
      .poll(() => verdictOf(page), soon)
      .toMatchObject({ level: 'attention', reasons: [expect.stringMatching(/to influxdb failed/)] })

    cloudController.faults.add({ kind: 'look-up', ...ANSWERS.databaseDown })
    const [app] = makeApps(1, 1_000_000)
    await kafka.produce(topic, logEnvelopes(guidOf(1_000_000), 0, 1500), { partition: 0 })
    await expect.poll(async () => (await verdictOf(page)).reasons.join(), soon).toMatch(/reading is paused.*the apps 0{8}-/)
    expect(await levelOf(page)).toBe('trouble')
    expect(await figureOf(page, 'metadata.held')).toBe('1,000')
    expect(await figureOf(page, 'metadata.failures')).toMatch(/^[1-9]/)
    expect(await figureOf(page, 'metadata.last_error')).toContain('Database connection failure')
    expect((await worker.stats()).kafka.paused).toBe(true)
    cloudController.platform.put(app as (typeof mix.apps)[number])
    cloudController.faults.heal()
    await expect.poll(() => ledgerOf(page, 'consumed'), soon).toBe('5,100')
    await expect.poll(() => ledgerOf(page, 'in_flight'), soon).toBe('0')
    expect(complaints).toEqual([])

    await worker.stop()
    await expect.poll(() => verdictOf(page), soon).toMatchObject({ level: 'gone', headline: 'No answer' })
    expect(await ledgerOf(page, 'consumed')).toBe('5,100')
    await startWorker({ env: { ...env, CFMR_SERVER_PORT: new URL(worker.url).port } })
    await expect.poll(async () => (await verdictOf(page)).reasons.join(), soon).toMatch(/^Restarted .* ago/)
    expect(await ledgerOf(page, 'consumed')).toBe('0')
    expect(complaints.filter((line) => !line.includes('ERR_CONNECTION_REFUSED'))).toEqual([])
  })
})

describe('whatever the figures are', () => {
  async function serve({
    partitions = 0,
    messages = 1,
    oldestSeconds = 0,
    firstOffset = 0,
    topic = 'cf-logs',
    password = undefined as string | undefined,
    instance = 0,
  } = {}) {
    const quiet = quietSources()
    quiet.sources.instanceIndex = instance
    for (let partition = 0; partition < partitions; partition++) {
      const lag = partition * messages
      const offsets = { position: firstOffset + lag, committed: firstOffset, highWatermark: firstOffset + lag }
      quiet.partitions.push({ topic, partition, ...offsets, lag, inFlight: messages, oldestUnackedSeconds: oldestSeconds })
    }
    const log = createLog({ level: 'ERROR', destination: process.stderr })
    const server = new DebugServer({ port: 0, username: 'cfmr', password, profiling: false, sources: quiet.sources, log })
    await server.start()
    onTestFinished(() => server.close())
    return { ...quiet, url: `http://127.0.0.1:${server.port}/` }
  }
  const names = (page: Page) => page.locator('#partitions th').allTextContents()

  test('500 partitions are twenty rows, a filter and a sum, and fit on a phone', async ({ skip }) => {
    const { url } = await serve({ partitions: 500, topic: 'a-topic-with-a-long-name-as-people-like-them' })
    const { page, complaints } = await open(skip, url, 390)
    await expect.poll(async () => (await names(page)).length, soon).toBe(20)
    expect((await names(page))[0]).toMatch(/\/499$/)
    expect(await page.locator('#partition-count').textContent()).toBe('500 partitions')
    expect(await page.locator('#lag-total').textContent()).toBe(text((499 * 500) / 2))
    expect(await overflowOf(page)).toBe(0)
    await page.locator('#filter').fill('names/42')
    expect(await names(page)).toEqual([])
    await page.locator('#filter').fill('them/42')
    expect((await names(page)).map((name) => name.slice(-4)).sort()).toEqual(
      [...Array.from({ length: 10 }, (_, i) => `/42${i}`), 'm/42'].sort(),
    )
    expect(complaints).toEqual([])
  })

  test.for(looks)(
    'in %s, %i pixels wide, every text can be read, well or not, and the charts have the colours',
    async ([colorScheme, width], { skip }) => {
      const { url, reasons, sources } = await serve({ partitions: 30, messages: 10_000, oldestSeconds: 245, firstOffset: 1_234_567_890 })
      Object.assign(sources.outputs[0]?.output ?? {}, { lastError: 'InfluxDB: no answer' })
      const { page } = await open(skip, url, width)
      await page.emulateMedia({ colorScheme })
      await expect.poll(() => levelOf(page), soon).toBe('well')
      expect(await hardToRead(page)).toEqual([])
      await expect.poll(() => pixelsOf(page, '#charts figure:nth-child(2) canvas', '--one'), soon).toBeGreaterThan(20)
      expect(await linesOf(page, '#partition-count')).toBe(1)
      expect(await tooWide(page)).toEqual([])
      reasons.output.push('InfluxDB: the last write failed')
      sources.inputs[0].ledger.consume(1)
      await expect.poll(() => levelOf(page), soon).toBe('trouble')
      expect(await hardToRead(page)).toEqual([])
      expect(await overflowOf(page)).toBe(0)
    },
  )

  test('one partition is a row and needs no filter', async ({ skip }) => {
    const { url } = await serve({ partitions: 1 })
    const { page } = await open(skip, url)
    await expect.poll(() => names(page), soon).toEqual(['cf-logs/0'])
    expect(await page.locator('#filter').isVisible()).toBe(false)
  })

  test('names, apps and errors that look like HTML are text, and do not widen a phone', async ({ skip }) => {
    const html = `<img src=x onerror="document.title='caught'">${'<b>&amp;'.repeat(30)}`
    const { url, reasons, held, sources } = await serve({ partitions: 1, topic: html })
    reasons.output.push(html)
    held.count = 1
    held.apps = [html]
    Object.assign(sources.outputs[0]?.output ?? {}, { lastError: html })
    sources.enricher.lastError = html
    const { page, complaints } = await open(skip, url, 390)
    await expect.poll(() => names(page), soon).toEqual([`${html}/0`])
    expect(await figureOf(page, 'influxdb.last_error')).toBe(html)
    expect(await figureOf(page, 'metadata.held_apps')).toBe(html)
    expect((await verdictOf(page)).reasons).toEqual([html])
    expect(await page.locator('img, b b').count()).toBe(0)
    expect(await overflowOf(page)).toBe(0)
    expect(complaints).toEqual([])
  })

  test('behind a path of a proxy and a password it works as well, also where the address carries the login', async ({ skip }) => {
    const { url } = await serve({ password: 'sesame' })
    const proxied = await proxy((path) => new URL(path.replace(/^\/inside\/worker\/?/, ''), url))
    const { page, complaints } = await open(skip, `${proxied.replace('http://', 'http://cfmr:sesame@')}/inside/worker`)
    await expect.poll(() => levelOf(page), soon).toBe('well')
    await page.getByRole('link', { name: 'stats/app' }).click()
    await expect.poll(() => page.locator('body').textContent(), soon).toContain('"consume": 0')
    expect(complaints).toEqual([])
  })

  test('instances that answer in turns behind one address are kept apart, and one may be chosen', async ({ skip }) => {
    const both = await Promise.all([serve({ instance: 0 }), serve({ instance: 1 })])
    both[1].sources.inputs[0].ledger.consume(7)
    both[1].sources.inputs[0].input.inFlight = 7
    let turn = 0
    const { page } = await open(skip, await proxy((path) => new URL(path, both[turn++ % 2]?.url)))
    const choice = (instance: number) => page.getByRole('button', { name: `instance ${instance}` })
    await choice(1).click()
    expect(await ledgerOf(page, 'consumed')).toBe('7')
    expect(await choice(1).getAttribute('aria-pressed')).toBe('true')
    await choice(0).click()
    expect(await ledgerOf(page, 'consumed')).toBe('0')
    expect((await verdictOf(page)).reasons).toEqual([])
  })

  /** Passes requests on to where `target` says, like a router. */
  async function proxy(target: (path: string) => URL): Promise<string> {
    const server = createServer((request, response) => {
      httpRequest(target(request.url ?? '/'), { headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
        .on('error', () => response.destroy())
        .end()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
})

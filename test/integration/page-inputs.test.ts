import type { Page } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { type FakeContainer, frameOf, startFakeEngine, timeOf } from '../../dev/docker/fake-engine.ts'
import { DockerScene } from '../support/docker-scene.ts'
import { startFoundation } from '../support/firehose.ts'
import { hardToRead, tooWide } from '../support/page-looks.ts'
import { figureOf, levelOf, looks, overflowOf, pageTests, soon } from '../support/page-tests.ts'
import { startWorker } from '../support/worker.ts'

const { open } = pageTests()

test('a worker that reads the firehose shows its streams, and no partitions', async ({ skip }) => {
  const foundation = await startFoundation({ gateway: { batchMs: 20 } })
  const worker = await startWorker({
    env: {
      ...{ CFMR_INPUT: 'firehose', CFMR_OUTPUT: 'stdout', CFMR_CF_API: foundation.cloudController.url },
      ...{ CFMR_CF_USER: 'admin', CFMR_CF_PASSWORD: 'admin' },
    },
    onOutput: () => {},
  })
  await worker.ready()
  await worker.waitUntil('both streams are open', () => foundation.gateway.streams.length === 2)
  foundation.flow(200)
  const { page, complaints } = await open(skip, worker.url, 390)
  await expect.poll(() => figureOf(page, 'inputs.firehose.streams'), soon).toBe('2')
  await expect.poll(() => figureOf(page, 'inputs.firehose.last_message_time'), soon).toMatch(/ago|now/)
  await expect.poll(() => levelOf(page), soon).toBe('well')
  expect(await page.locator('#firehose-section').isVisible()).toBe(true)
  expect(await page.locator('#kafka-section').isVisible()).toBe(false)
  expect(await overflowOf(page)).toBe(0)
  expect(complaints).toEqual([])
})

const SECRET = 'a-password-of-a-container'

/** Of a long name each; the first has no log that can be read. */
function containersOf(count: number): FakeContainer[] {
  return Array.from({ length: count }, (_, n) => ({
    id: n.toString(16).padStart(4, '0').repeat(16),
    name: `team-${n % 7}-service-with-a-long-name-${n}`,
    image: 'registry.example.org/team/service:1.2.3',
    env: [`PASSWORD=${SECRET}`],
    labels: n === 1 ? { 'cfmr.logs': 'false' } : {},
    isRunning: true,
    startedAt: '2026-01-01T00:00:00Z',
    logs: [(response) => response.write(frameOf(1, `${timeOf(BigInt(n))} line\n`))],
    stats: [{ read: '2026-01-01T00:00:05Z', memory_stats: { usage: 1000, limit: 10_000 } }],
  }))
}

async function dockerWorker(count: number) {
  const containers = containersOf(count)
  const engine = await startFakeEngine({ containers })
  onTestFinished(() => engine.close())
  engine.intercept = (request, response) => {
    if (request.url?.includes(`/${containers[0]?.id}/logs`) !== true) return false
    response.writeHead(501).end('{"message":"configured logging driver does not support reading"}')
    return true
  }
  const worker = await DockerScene.with(engine.host).work({ CFMR_DOCKER_COLLECT: 'logs,stats,events', CFMR_DOCKER_STATSINTERVAL: '1s' })
  await worker.ready()
  return { engine, worker }
}

const listing = (page: Page, name: string) => page.locator(`[data-listing=${name}]`)
const namesIn = (page: Page, name: string) => listing(page, name).locator('tbody th span').allTextContents()
const cellsOf = (page: Page, container: string) =>
  listing(page, 'containers')
    .locator('tr', { has: page.getByText(container, { exact: true }) })
    .locator('td')
    .allTextContents()

test('a worker that reads Docker shows its engine, 500 containers as twenty rows and a filter, and what cannot be had', async ({
  skip,
}) => {
  const { worker, engine } = await dockerWorker(500)
  const { page, complaints } = await open(skip, worker.url)
  await expect.poll(() => figureOf(page, 'inputs.docker.containers'), soon).toBe('500')
  await expect.poll(() => figureOf(page, 'inputs.docker.streaming'), soon).toBe('498')
  expect(await figureOf(page, 'inputs.docker.engine.host')).toBe('fake-host')
  expect(await figureOf(page, 'inputs.docker.engine.version')).toBe('24.0.0')
  expect(await figureOf(page, 'inputs.docker.engine.connected_since')).toMatch(/ago|now/)
  expect(await figureOf(page, 'inputs.docker.gaps.driver')).toBe('1')
  await expect.poll(async () => (await namesIn(page, 'containers')).length, soon).toBe(20)
  // What somebody should look at comes first.
  expect((await namesIn(page, 'containers'))[0]).toBe('team-0-service-with-a-long-name-0')
  expect((await cellsOf(page, 'team-0-service-with-a-long-name-0')).join()).toMatch(/cannot be read.*does not support reading/)
  expect(await listing(page, 'containers').locator('.count').textContent()).toBe('The first 20 of 500.')
  await expect.poll(() => namesIn(page, 'gaps'), soon).toEqual(['team-0-service-with-a-long-name-0'])
  await listing(page, 'containers').locator('input').fill('TEAM-1 name-1')
  await expect.poll(async () => (await namesIn(page, 'containers')).every((name) => /team-1.*name-1/.test(name)), soon).toBe(true)
  await listing(page, 'containers').locator('input').fill('cfmr.logs')
  await expect.poll(() => namesIn(page, 'containers'), soon).toEqual(['team-1-service-with-a-long-name-1'])
  expect(await cellsOf(page, 'team-1-service-with-a-long-name-1')).toContain('not readits label cfmr.logs is false')
  for (const section of ['kafka', 'metadata']) expect(await page.locator(`#${section}-section`).isVisible()).toBe(false)
  expect(await page.content()).not.toContain(SECRET)
  engine.containers.clear()
  engine.breakAll()
  await listing(page, 'containers').locator('input').fill('')
  await expect.poll(() => figureOf(page, 'inputs.docker.engine.reconnects'), soon).toBe('1')
  await expect.poll(() => figureOf(page, 'inputs.docker.containers'), soon).toBe('0')
  expect(complaints).toEqual([])
})

test.for(looks)('its tables can be read in %s, %i pixels wide, and widen nothing', async ([colorScheme, width], { skip }) => {
  const { worker } = await dockerWorker(30)
  const { page } = await open(skip, worker.url, width)
  await page.emulateMedia({ colorScheme })
  await expect.poll(async () => (await namesIn(page, 'containers')).length, soon).toBe(20)
  // One log cannot be read.
  await expect.poll(() => levelOf(page), soon).toBe('attention')
  expect(await hardToRead(page)).toEqual([])
  expect(await tooWide(page)).toEqual([])
  expect(await overflowOf(page)).toBe(0)
})

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { AppEvent } from '../../../../src/cloud-foundry/app-event.ts'
import { MetadataCache } from '../../../../src/cloud-foundry/enricher/metadata-cache.ts'
import type { AppMetadata } from '../../../../src/cloud-foundry/metadata.ts'
import { guidOf, makeApps, metadataOf } from '../../../support/apps.ts'

beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => vi.useRealTimers())

const metadata = (number: number) => makeApps(1, number)[0] as AppMetadata
const makeCache = (options = {}) => new MetadataCache({ cacheSize: 3, negativeCacheSize: 100, negativeExpireMs: 1000, ...options })

/** An event whose id points into its message. */
function eventOf(id: string): AppEvent {
  const event = new AppEvent()
  event.bytes = Buffer.from(`"${id}"        `)
  event.view = new DataView(event.bytes.buffer, event.bytes.byteOffset, event.bytes.byteLength)
  event.appIdEnd = id.length + 2
  return event
}

it('finds the same App again, without asking anew', () => {
  const cache = makeCache()
  cache.refresh([metadata(1)], Date.now())
  const app = cache.find(eventOf(guidOf(1)))
  expect(app && metadataOf(app)).toEqual(metadata(1))
  expect(cache.find(eventOf(guidOf(1)))?.at).toBe(app?.at)
})

it('forgets in the index, too, whom it dropped', () => {
  const cache = makeCache()
  cache.refresh([metadata(1)], Date.now())
  expect(cache.find(eventOf(guidOf(1)))).toBeDefined()
  cache.remove([guidOf(1)])
  expect(cache.find(eventOf(guidOf(1)))).toBeUndefined()
})

it('drops the longest unused where it is full and somebody waits for another', () => {
  const cache = makeCache()
  cache.refresh([metadata(1), metadata(2), metadata(3)], Date.now())
  for (const number of [2, 3]) cache.find(eventOf(guidOf(number)))
  cache.add(metadata(4), Date.now())
  expect([1, 2, 3, 4].map((number) => cache.get(guidOf(number)) !== undefined)).toEqual([false, true, true, true])
})

it('does not let a refresh put out anybody', () => {
  const cache = makeCache()
  for (const number of [1, 2, 3]) cache.add(metadata(number), Date.now())
  cache.refresh([metadata(4), { ...metadata(2), app: 'renamed' }, metadata(5)], Date.now())
  const apps = [1, 2, 3, 4, 5].map((number) => cache.get(guidOf(number)))
  expect(apps.map((app) => app && metadataOf(app)?.app)).toEqual(['app-1', 'renamed', 'app-3', undefined, undefined])
})

it('goes by the new name in the index, too, and counts as used when it was before', () => {
  const cache = makeCache()
  cache.refresh([metadata(1)], Date.now())
  cache.find(eventOf(guidOf(1)))
  vi.advanceTimersByTime(1000)
  cache.refresh([{ ...metadata(1), org: 'renamed' }], Date.now())
  const app = cache.find(eventOf(guidOf(1)))
  expect(app && metadataOf(app)?.org).toBe('renamed')
  expect(app?.usedAtMs).toBe(Date.now() - 1000)
})

it.each([
  ['nothing changed', {}, true],
  ['only its name did', { app: 'b' }, false],
  ['only its space did', { space: 'b' }, false],
  ['only something did that no tag shows', { app: 'a\\' }, false],
])('where %s, a refresh keeps the App: %#', (_, change, isSame) => {
  const cache = makeCache()
  const known = { ...metadata(1), app: 'a' }
  cache.refresh([known], Date.now())
  const before = cache.get(guidOf(1))
  cache.refresh([{ ...known, ...change }], Date.now())
  expect(cache.get(guidOf(1)) === before).toBe(isSame)
})

it('lifts an absence by a refresh, even where the cache is full', () => {
  const cache = makeCache()
  for (const number of [1, 2, 3]) cache.add(metadata(number), Date.now())
  cache.deny(guidOf(4), Date.now())
  expect(cache.find(eventOf(guidOf(4)))?.exists).toBe(false)
  cache.refresh([metadata(4)], Date.now())
  expect(cache.find(eventOf(guidOf(4)))).toBeUndefined()
  expect(cache.absent).toBe(0)
})

it('believes an absence until it is told that it is too old: nothing may expire by itself', () => {
  const cache = makeCache()
  cache.deny(guidOf(1), Date.now())
  vi.advanceTimersByTime(999)
  expect(cache.hasStaleAbsent()).toBe(false)
  vi.advanceTimersByTime(1000)
  expect(cache.hasStaleAbsent()).toBe(true)
  expect(cache.get(guidOf(1))).toBeDefined()
  cache.expireAbsent()
  expect(cache.find(eventOf(guidOf(1)))).toBeUndefined()
})

it('keeps an absence for no time at all where it is told so', () => {
  const cache = makeCache({ negativeExpireMs: 0 })
  cache.deny(guidOf(1), Date.now())
  vi.advanceTimersByTime(1)
  expect(cache.hasStaleAbsent()).toBe(true)
})

it('knows who was not used since a time, however often the index answered instead of the cache', () => {
  const cache = makeCache()
  cache.refresh([metadata(1), metadata(2), metadata(3)], Date.now())
  vi.advanceTimersByTime(1000)
  const app = cache.find(eventOf(guidOf(2)))
  if (app !== undefined) app.usedAtMs = Date.now()
  expect(cache.unusedSince(Date.now() - 500).sort()).toEqual([guidOf(1), guidOf(3)])
  expect(cache.unusedSince(Date.now() - 2000)).toEqual([])
})

it('does not let apps that stay hold the memory of all that came with them', () => {
  const cache = makeCache({ cacheSize: 100_000 })
  const stayed: number[] = []
  for (let first = 0; first < 40_000; first += 1000) {
    const apps = makeApps(1000, first)
    cache.refresh(apps, Date.now())
    cache.deny(guidOf(100_000 + first), Date.now())
    cache.remove(apps.slice(1).map((app) => app.app_guid))
    stayed.push(first)
    expect(cache.find(eventOf(guidOf(first)))).toBeDefined()
  }
  const memories = new Set(stayed.flatMap((number) => [number, 100_000 + number]).map((number) => cache.get(guidOf(number))?.words))
  expect(memories.size).toBeLessThan(10)
  for (const number of stayed) {
    const app = cache.find(eventOf(guidOf(number)))
    expect(app && metadataOf(app)).toEqual(metadata(number))
  }
})

it('has nobody for an id that is no GUID, and does not keep it: such ids may be many', () => {
  const cache = makeCache()
  for (let number = 0; number < 10; number++) expect(cache.find(eventOf(`component-${number}`))?.exists).toBe(false)
  expect(cache.find(eventOf('component-1'))).not.toBe(cache.find(eventOf('component-1')))
  expect(cache.find(eventOf(guidOf(1)))).toBeUndefined()
  expect([cache.known, cache.absent]).toEqual([0, 0])
})

it('an event whose id is no GUID leaves the memory alone that apps share', () => {
  const cache = makeCache({ cacheSize: 1000 })
  const memories = new Set<unknown>()
  for (let number = 0; number < 400; number++) {
    for (let i = 0; i < 200; i++) cache.find(eventOf(`component-${number}-${i}`))
    cache.add(metadata(number), Date.now())
    memories.add(cache.get(guidOf(number))?.words)
  }
  expect(memories.size).toBeLessThan(5)
})

it('one app that is dropped, renamed or denied costs no other its place', () => {
  const cache = makeCache({ cacheSize: 100 })
  cache.refresh(
    Array.from({ length: 100 }, (_, number) => metadata(number)),
    Date.now(),
  )
  cache.remove([guidOf(1)])
  cache.add({ ...metadata(2), app: 'renamed' }, Date.now())
  cache.deny(guidOf(500), Date.now())
  cache.add(metadata(200), Date.now())
  cache.add(metadata(201), Date.now())
  expect(cache.find(eventOf(guidOf(1)))).toBeUndefined()
  const renamed = cache.find(eventOf(guidOf(2)))
  expect(renamed && metadataOf(renamed)?.app).toBe('renamed')
  for (let number = 3; number < 100; number++) expect(cache.find(eventOf(guidOf(number)))?.exists, `${number}`).not.toBe(false)
})

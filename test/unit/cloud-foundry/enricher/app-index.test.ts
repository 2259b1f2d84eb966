import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { App } from '../../../../src/cloud-foundry/app.ts'
import { AppEvent, guidOf, POINT, UNDECODABLE } from '../../../../src/cloud-foundry/app-event.ts'
import { AppIndex } from '../../../../src/cloud-foundry/enricher/app-index.ts'

/** An event whose app id is spelled so, delimiters included, among bytes that mean nothing. */
function eventWith(id: string): AppEvent {
  const bytes = Uint8Array.from(Buffer.from(`{{{${id},,,,,,,,,,,,`))
  return Object.assign(new AppEvent(), {
    verdict: POINT,
    guid: '',
    bytes,
    view: new DataView(bytes.buffer),
    appId: 3,
    appIdEnd: 3 + Buffer.byteLength(id),
  })
}

const guidNumber = (number: number) =>
  `${(number * 2654435761).toString(16).padStart(12, '0').slice(-8)}-0000-4000-8000-${String(number).padStart(12, '0')}`
const asText = (guid: string) => `"${guid}"`

function asUuid(guid: string): string {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex')
  return `:${bytes.readBigUInt64LE(0)},"high":${bytes.readBigUInt64LE(8)}}`
}

/** An index over these apps that counts how often it has to ask. */
function indexOf(guids: readonly string[]) {
  const apps = new Map(guids.map((guid) => [guid, App.of(guid, undefined, 0)]))
  const asked: string[] = []
  const index = new AppIndex((guid) => {
    asked.push(guid)
    return apps.get(guid)
  })
  return { apps, tagsOf: (guid: string) => apps.get(guid)?.tags, asked, index, find: (id: string) => index.find(eventWith(id))?.tags }
}

describe('the guid of an event', () => {
  test.each([
    ['"9748ed3e-e42a-41a5-8e53-5a69b774fe83"', '9748ed3e-e42a-41a5-8e53-5a69b774fe83'],
    ['"routing_api"', 'routing_api'],
    ['" "', ' '],
    [':0,"high":0}', '00000000-0000-0000-0000-000000000000'],
    [':1,"high":18446744073709551615}', '01000000-0000-0000-ffff-ffffffffffff'],
    [':10757204152771561073,"high":7232302013177818032}', '71464ece-2e44-4995-b06b-ced35c4c5e64'],
  ])('%s', (id, guid) => {
    expect(guidOf(eventWith(id))).toBe(guid)
  })

  test('that the decoder has made counts', () => {
    expect(guidOf(Object.assign(eventWith('"other"'), { guid: 'this' }))).toBe('this')
  })
})

test('an app is found by either spelling, and asked for once', () => {
  const guid = guidNumber(1)
  const { tagsOf, asked, find } = indexOf([guid])
  for (let i = 0; i < 3; i++) {
    expect(find(asText(guid))).toBe(tagsOf(guid))
    expect(find(asUuid(guid))).toBe(tagsOf(guid))
  }
  expect(asked).toEqual([guid])
})

test('an app that was added is never asked for', () => {
  const { asked, index, find } = indexOf([])
  const guid = guidNumber(1)
  const app = App.of(guid, undefined, 0)
  index.add(app)
  expect([find(asText(guid)), find(asUuid(guid))]).toEqual([app.tags, app.tags])
  expect(asked).toEqual([])
})

test('what is not known is not remembered', () => {
  const guid = guidNumber(1)
  const { apps, find } = indexOf([])
  expect(find(asText(guid))).toBeUndefined()
  const app = App.of(guid, undefined, 0)
  apps.set(guid, app)
  expect(find(asText(guid))).toBe(app.tags)
})

test('after clear it asks again', () => {
  const guid = guidNumber(1)
  const { apps, index, find } = indexOf([guid])
  find(asText(guid))
  apps.delete(guid)
  expect(find(asText(guid))).toBeDefined()
  index.clear()
  expect(find(asText(guid))).toBeUndefined()
})

test('an app that is removed is asked for again, and no other is', () => {
  const guids = Array.from({ length: 2000 }, (_, number) => guidNumber(number))
  const { apps, asked, index, tagsOf, find } = indexOf(guids)
  for (const guid of guids) find(asText(guid))
  asked.length = 0
  const removed = guids.filter((_, number) => number % 3 === 0)
  for (const guid of removed) {
    index.remove(apps.get(guid) as App)
    apps.delete(guid)
  }
  for (const guid of guids) for (const spelling of [asText, asUuid]) expect(find(spelling(guid))).toBe(tagsOf(guid))
  expect(asked).toEqual(removed.flatMap((guid) => [guid, guid]))
  index.remove(App.of(guidNumber(5000), undefined, 0))
})

test('whatever is added and removed in whatever order, just what is there is found', () => {
  const step = fc.record({ number: fc.nat(40), isRemoval: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const there = new Map<number, App>()
      const index = new AppIndex(() => undefined)
      for (const { number, isRemoval } of steps) {
        const app = there.get(number)
        if (isRemoval && app !== undefined) {
          index.remove(app)
          there.delete(number)
        } else if (!isRemoval && app === undefined) {
          const made = App.of(guidNumber(number), undefined, 0)
          index.add(made)
          there.set(number, made)
        }
      }
      for (let number = 0; number <= 40; number++) {
        for (const spelling of [asText, asUuid]) {
          expect(index.find(eventWith(spelling(guidNumber(number))))?.tags).toBe(there.get(number)?.tags)
        }
      }
    }),
  )
})

test('no id passes for another that begins or ends as it does', () => {
  const ids = ['abcdefgh', ...Array.from({ length: 60 }, (_, length) => 'a'.repeat(length + 1)), 'abcdefghabcdefgh', 'abcdefghXabcdefgh']
  const { tagsOf, find } = indexOf(ids)
  for (const id of [...ids, ...ids]) expect(find(asText(id)), id).toBe(tagsOf(id))
  expect(find(asText('abcdefghYabcdefgh'))).toBeUndefined()
})

test('no spelling passes for the other', () => {
  const { tagsOf, find } = indexOf([':1,"high":2}', guidNumber(3)])
  expect(find(':1,"high":2}')).toBeUndefined()
  expect(find('":1,"high":2}"')).toBe(tagsOf(':1,"high":2}'))
})

test('ids too short, too long or not ASCII are found, too', () => {
  const ids = ['a', '日本', 'x'.repeat(54), 'x'.repeat(55), 'x'.repeat(1000)]
  const { tagsOf, find } = indexOf(ids)
  for (const id of [...ids, ...ids]) expect(find(asText(id))).toBe(tagsOf(id))
})

test('an app under another guid than the one asked for is answered, but not remembered', () => {
  const app = App.of('another', undefined, 0)
  let asked = 0
  const index = new AppIndex(() => {
    asked++
    return app
  })
  for (let i = 0; i < 3; i++) expect(index.find(eventWith(asText(guidNumber(1))))).toBe(app)
  expect(asked).toBe(3)
})

test('prefetching, of whatever events, asks for no app and changes no answer', () => {
  const guids = Array.from({ length: 500 }, (_, number) => guidNumber(number))
  const { tagsOf, asked, index, find } = indexOf([...guids, 'a', 'x'.repeat(1000)])
  const ids = [...guids.map(asText), ...guids.map(asUuid), asText('a'), asText('x'.repeat(1000)), asText(guidNumber(1000))]
  const events = ids.map(eventWith)
  events.push(Object.assign(eventWith(''), { verdict: UNDECODABLE, view: new DataView(new ArrayBuffer(0)) }))
  events.push(Object.assign(eventWith(''), { guid: guids[0], view: new DataView(new ArrayBuffer(0)) }))
  for (let round = 0; round < 3; round++) {
    if (round === 2) index.clear()
    const before = asked.length
    index.prefetch(events, events.length)
    expect(asked.length).toBe(before)
    for (const guid of guids) if (find(asText(guid)) !== tagsOf(guid) || find(asUuid(guid)) !== tagsOf(guid)) throw new Error(guid)
    expect(find(asText(guidNumber(1000)))).toBeUndefined()
  }
})

test('thousands of apps are each found as themselves, numbered ones too, and asked for once', () => {
  const numbered = Array.from({ length: 4000 }, (_, number) => `00000000-0000-0000-0000-${String(number).padStart(12, '0')}`)
  const guids = [...numbered, ...Array.from({ length: 4000 }, (_, number) => guidNumber(number + 1))]
  const { tagsOf, asked, index, find } = indexOf(guids)
  for (let round = 0; round < 2; round++) {
    if (round === 1) index.clear()
    for (let again = 0; again < 2; again++)
      for (const guid of guids) if (find(asText(guid)) !== tagsOf(guid) || find(asUuid(guid)) !== tagsOf(guid)) throw new Error(guid)
    expect(asked.length).toBe(guids.length * (round + 1))
  }
})

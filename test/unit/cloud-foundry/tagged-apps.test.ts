import { expect, it } from 'vitest'
import { Numbered } from '../../../dev/loggregator/numbered.ts'
import { TaggedApps } from '../../../src/cloud-foundry/tagged-apps.ts'

const guid = '9748ed3e-e42a-41a5-8e53-5a69b774fe83'
const names = new TaggedApps(() => ({ documents: true }))
const envelope = (tags: object, key = 'tags') => Buffer.from(JSON.stringify({ source_id: guid, [key]: tags }))
const owner = (message: Uint8Array) => names.of(guid, message)?.owner

it('the tags of an envelope name app, space and organization', () => {
  const tags = { app_id: guid, app_name: 'shop "x"', space_name: 's', space_id: 's-id', organization_name: 'o', organization_id: 'o-id' }
  const named = { app: { id: guid, name: 'shop "x"' }, space: { id: 's-id', name: 's' }, org: { id: 'o-id', name: 'o' } }
  expect(owner(envelope(tags))).toEqual(named)
  expect(names.of(guid, envelope(tags))?.exists).toBe(true)
  const deprecated = Object.fromEntries(Object.entries(tags).map(([name, text]) => [name, { text }]))
  for (const key of ['deprecated_tags', 'deprecatedTags']) expect(owner(envelope(deprecated, key))).toEqual(named)
})

it('what they leave out is empty, and without the name of the app they name nobody', () => {
  expect(owner(envelope({ app_name: 'shop' }))).toEqual({
    app: { id: guid, name: 'shop' },
    space: { id: '', name: '' },
    org: { id: '', name: '' },
  })
  expect(owner(envelope({ organization_name: 'o' }))).toBeUndefined()
  expect(owner(envelope({}))).toBeUndefined()
})

it("another app's names, names that are no text, and what is no JSON name nobody", () => {
  expect(owner(envelope({ app_name: 'shop', app_id: 'other' }))).toBeUndefined()
  expect(owner(envelope({ app_name: 7 }))).toBeUndefined()
  expect(owner(Buffer.from('{"tags":'))).toBeUndefined()
  expect(owner(Buffer.from('null'))).toBeUndefined()
})

it('an app that is named anew has its new name, and one that is not is not made again', () => {
  const [first, again] = [names.of(guid, envelope({ app_name: 'a' })), names.of(guid, envelope({ app_name: 'a' }))]
  expect(again).toBe(first)
  expect(owner(envelope({ app_name: 'b' }))?.app.name).toBe('b')
})

it('the envelopes of the fake gateway name their apps as the platform does', () => {
  const numbered = new Numbered()
  const [app] = numbered.apps
  expect(names.of(app?.app_guid ?? '', Buffer.from(numbered.envelope(0).text))?.owner.org.name).toBe(app?.org)
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileSource } from '../../../../src/cloud-foundry/enricher/file.ts'
import { ConfigError } from '../../../../src/lib/errors.ts'
import { makeApps } from '../../../support/apps.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'apps-'))
  path = join(folder, 'apps.json')
})
afterEach(() => rmSync(folder, { recursive: true }))

function mistakesIn(text: string): readonly string[] {
  writeFileSync(path, text)
  try {
    new FileSource(path)
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes.map((mistake) => mistake.replace(path, 'PATH'))
    throw error
  }
  return []
}

const [app] = makeApps(1)

describe('a file of apps', () => {
  it('may hold more than is asked for, empty spaces and organizations, and ids that are no GUIDs', () => {
    expect(mistakesIn(JSON.stringify([{ ...app, app_guid: ' ', space: '', space_guid: '', org: '', org_guid: '', more: 1 }]))).toEqual([])
  })

  it('is a mistake of the configuration where it is not what it should be, every wrong entry named', () => {
    const entries = [app, { ...app, app: '' }, { ...app, app_guid: 7 }, { app: 'lonely', app_guid: 'g' }, null, 'text']
    const shape = 'expected {app, app_guid, space, space_guid, org, org_guid}'
    expect(mistakesIn(JSON.stringify(entries))).toEqual([
      `CFMR_CF_API: file:PATH: entry 2 ("${app?.app_guid}"): app is empty`,
      'CFMR_CF_API: file:PATH: entry 3 ("app-0"): app_guid is 7, expected a string',
      'CFMR_CF_API: file:PATH: entry 4 ("g"): space is missing, expected a string',
      'CFMR_CF_API: file:PATH: entry 4 ("g"): space_guid is missing, expected a string',
      'CFMR_CF_API: file:PATH: entry 4 ("g"): org is missing, expected a string',
      'CFMR_CF_API: file:PATH: entry 4 ("g"): org_guid is missing, expected a string',
      `CFMR_CF_API: file:PATH: entry 5: is null, ${shape}`,
      `CFMR_CF_API: file:PATH: entry 6: is "text", ${shape}`,
    ])
  })

  it.each([
    ['is not JSON', '[{', /is not JSON/],
    ['is no array', '{}', /is not a JSON array/],
  ])('is a mistake where it %s', (_, text, message) => {
    expect(mistakesIn(text)).toEqual([expect.stringMatching(message)])
  })

  it('is a mistake where it is not there', () => {
    expect(() => new FileSource(join(folder, 'none.json'))).toThrow(/none.json: cannot be read: ENOENT/)
  })

  it('is read again for every list, and goes on with what it had where that fails', async () => {
    const never = new AbortController().signal
    writeFileSync(path, JSON.stringify(makeApps(1)))
    const source = new FileSource(path)
    writeFileSync(path, JSON.stringify(makeApps(2)))
    const pages = []
    for await (const page of source.listApps(never)) pages.push(page)
    expect(pages).toEqual([makeApps(2)])
    writeFileSync(path, '[')
    await expect(source.listApps(never)[Symbol.asyncIterator]().next()).rejects.toThrow('is not JSON')
    const guids = makeApps(3).map((each) => each.app_guid)
    expect(await source.fetchApps(guids, never)).toEqual({ found: makeApps(2), absent: guids.slice(2), failure: undefined })
  })
})

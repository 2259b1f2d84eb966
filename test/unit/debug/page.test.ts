import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { type PageOptions, page } from '../../../src/debug/page.ts'
import { Stats } from '../../../src/debug/stats.ts'
import { Ledger } from '../../../src/flow/ledger.ts'
import { FirehoseInput } from '../../../src/inputs/firehose/firehose.ts'
import { dockerInput } from '../../support/docker-input.ts'
import { quietLog } from '../../support/quiet-log.ts'
import { quietSources } from './sources.ts'

const options = (others: Partial<PageOptions> = {}): PageOptions => ({ version: '1.2.3', isProfiling: false, inputs: [], ...others })

test('is one file: no address in it leads elsewhere', () => {
  const { body } = page(options({ isProfiling: true }))
  const addresses = [...body.matchAll(/(?:src|href|action)="([^"]*)"|url\(([^)]*)\)/g)].map(([, attribute, url]) => attribute ?? url)
  expect(addresses.length).toBeGreaterThan(5)
  for (const address of addresses) expect(address).toMatch(/^(data:.*|[a-z][a-z/]*(\?seconds=10)?)$/)
})

test('has a policy that allows its own script and style, and requests to where it came from', () => {
  const { body, headers } = page(options())
  const [, script = ''] = /<script>([\s\S]*)<\/script>/.exec(body) ?? []
  const hash = createHash('sha256').update(script).digest('base64')
  expect(headers?.['content-security-policy']).toContain(`default-src 'none'; script-src 'sha256-${hash}'; style-src 'sha256-`)
  expect(headers?.['content-security-policy']).not.toContain('unsafe')
})

test('links to the profile only where there is one', () => {
  expect(page(options({ isProfiling: true })).body).toContain('href="debug/cpuprofile')
  expect(page(options()).body).not.toContain('cpuprofile')
})

test('shows the version as text', () => {
  expect(page(options({ version: '<1>' })).body).toContain('&#60;1&#62;')
})

test('carries the licence of the charts', () => {
  expect(page(options()).body).toMatch(/MIT.*of uPlot[\s\S]*Permission is hereby granted/)
})

/** As they are before anything has come. */
function inputs() {
  const access = { url: async () => '', token: async () => '', renew: async () => undefined, excerpt: String, close: async () => {} }
  const common = { ledger: new Ledger(), log: quietLog().log, maxInFlight: 1, maxInFlightBytes: 1 }
  const firehose = { access, shardId: 's', streams: 1, streamAgeMs: 1, timeoutMs: 1, skipSslValidation: false }
  return [new FirehoseInput({ ...common, ...firehose }), dockerInput(common)]
}

test('names figures that there are, of each input too', () => {
  const { sources } = quietSources()
  const quiet = new Stats({ ...sources, inputs: inputs().map((input) => ({ input, ledger: new Ledger() })) }).snapshot()
  const html = page(options({ inputs: inputs() })).body
  const figures = [...html.matchAll(/data-figure="([^"]+)"/g)].map(([, path = '']) => path.split('.'))
  expect(figures.length).toBeGreaterThan(60)
  for (const path of figures) expect(quiet).toHaveProperty(path)
  for (const [, fate = ''] of html.matchAll(/data-fate="([^"]+)"/g)) expect(quiet.ledger).toHaveProperty(fate)
})

test('has a section and tables of the inputs that there are, and of no others', () => {
  const sections = (html: string) =>
    [...html.matchAll(/id="(\w+)-section"|data-listing="(\w+)"/g)].map(([, section, listing]) => section ?? listing)
  const always = ['kafka', 'outputs', 'influxdb', 'metadata']
  expect(sections(page(options()).body).sort()).toEqual(always.sort())
  expect(sections(page(options({ inputs: inputs() })).body).sort()).toEqual([...always, 'firehose', 'docker', 'containers', 'gaps'].sort())
})

test('shows partitions where an input has some', () => {
  const [{ input }] = quietSources().sources.inputs
  expect(page(options({ inputs: [input] })).body).toContain('id="kafka-section" data-shown="true"')
  expect(page(options({ inputs: inputs() })).body).toContain('id="kafka-section" data-shown="false"')
})

test('takes the words of an input as text', () => {
  const [{ input }] = quietSources().sources.inputs
  const section = { title: '<b>', figures: [{ label: '"><i>', figure: 'failures' }] }
  const listing = { name: 'things', title: '<u>', columns: [{ title: '<s>', key: 'a' }], empty: '"<q>', rows: () => [] }
  expect(page(options({ inputs: [{ ...input, section, listings: [listing] }] })).body).not.toMatch(/<[biusq]>(?!uPlot)/)
})

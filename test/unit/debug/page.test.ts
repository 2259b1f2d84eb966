import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { page } from '../../../src/debug/page.ts'
import { Stats } from '../../../src/debug/stats.ts'
import { Ledger } from '../../../src/flow/ledger.ts'
import { FirehoseInput } from '../../../src/inputs/firehose/firehose.ts'
import { quietLog } from '../../support/quiet-log.ts'
import { quietSources } from './sources.ts'

test('is one file: no address in it leads elsewhere', () => {
  const { body } = page('1.2.3', true)
  const addresses = [...body.matchAll(/(?:src|href|action)="([^"]*)"|url\(([^)]*)\)/g)].map(([, attribute, url]) => attribute ?? url)
  expect(addresses.length).toBeGreaterThan(5)
  for (const address of addresses) expect(address).toMatch(/^(data:.*|[a-z][a-z/]*(\?seconds=10)?)$/)
})

test('has a policy that allows its own script and style, and requests to where it came from', () => {
  const { body, headers } = page('1.2.3', false)
  const [, script = ''] = /<script>([\s\S]*)<\/script>/.exec(body) ?? []
  const hash = createHash('sha256').update(script).digest('base64')
  expect(headers?.['content-security-policy']).toContain(`default-src 'none'; script-src 'sha256-${hash}'; style-src 'sha256-`)
  expect(headers?.['content-security-policy']).not.toContain('unsafe')
})

test('links to the profile only where there is one', () => {
  expect(page('1.2.3', true).body).toContain('href="debug/cpuprofile')
  expect(page('1.2.3', false).body).not.toContain('cpuprofile')
})

test('shows the version as text', () => {
  expect(page('<1>', false).body).toContain('&#60;1&#62;')
})

test('carries the licence of the charts', () => {
  expect(page('1.2.3', false).body).toMatch(/MIT.*of uPlot[\s\S]*Permission is hereby granted/)
})

test('names figures that there are', () => {
  const access = { url: async () => '', token: async () => '', renew: async () => undefined, excerpt: String, close: async () => {} }
  const firehose = new FirehoseInput({
    ...{ access, shardId: 's', streams: 1, streamAgeMs: 1, timeoutMs: 1, skipSslValidation: false },
    ...{ maxInFlight: 1, maxInFlightBytes: 1, ledger: new Ledger(), log: quietLog().log },
  })
  const html = readFileSync(new URL('../../../src/debug/page/page.html', import.meta.url), 'utf8')
  const quiet = new Stats(quietSources().sources).snapshot()
  const stats = { ...quiet, inputs: { ...quiet.inputs, firehose: { ...quiet.inputs['kafka'], ...firehose.figures() } } }
  const figures = [...html.matchAll(/data-figure="([^"]+)"/g)].map(([, path = '']) => path.split('.'))
  expect(figures.length).toBeGreaterThan(20)
  for (const path of figures) expect(stats).toHaveProperty(path)
  for (const [, fate = ''] of html.matchAll(/data-fate="([^"]+)"/g)) expect(stats.ledger).toHaveProperty(fate)
})

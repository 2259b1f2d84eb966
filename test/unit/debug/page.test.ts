import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { page } from '../../../src/debug/page.ts'
import { Stats } from '../../../src/debug/stats.ts'
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
  const html = readFileSync(new URL('../../../src/debug/page/page.html', import.meta.url), 'utf8')
  const stats = new Stats(quietSources().sources).snapshot()
  const figures = [...html.matchAll(/data-figure="([^"]+)"/g)].map(([, path = '']) => path.split('.'))
  expect(figures.length).toBeGreaterThan(20)
  for (const path of figures) expect(stats).toHaveProperty(path)
  for (const [, fate = ''] of html.matchAll(/data-fate="([^"]+)"/g)) expect(stats.ledger).toHaveProperty(fate)
})

import { describe, expect, test } from 'vitest'
import { App } from '../../src/cloud-foundry/app.ts'
import type { AppMetadata } from '../../src/cloud-foundry/metadata.ts'
import { type GoldenCase, goldenMessages } from '../support/golden.ts'
import { type Refined, Refiner } from '../support/refine.ts'

const refiners = new Map([...new Set(goldenMessages.map(({ apps }) => apps))].map((apps) => [apps, refinerWith(apps)]))

function refinerWith(apps: readonly AppMetadata[]): Refiner {
  const byGuid = new Map(apps.map((app) => [app.app_guid, App.of(app.app_guid, app, 0)]))
  return new Refiner((guid) => byGuid.get(guid))
}

describe('what the original made of an envelope, but for what is better here on purpose', () => {
  test.each(goldenMessages)('$name', ({ golden, message, apps }) => {
    const refined = (refiners.get(apps) as Refiner).refine(message)
    if (isWithoutLine(golden)) expectRestWritten(golden, refined)
    else expect(withoutReason(refined)).toEqual(expected(golden, apps))
  })
})

function withoutReason(refined: Refined): object {
  return refined.outcome === 'point' ? { outcome: 'point', line: refined.line.trimEnd() } : { outcome: refined.outcome }
}

function expected(golden: GoldenCase, apps: readonly AppMetadata[]): object {
  if (golden.outcome === 'point') return { outcome: 'point', line: betterLine(golden, apps) }
  if (golden.outcome === 'transform_error') return { outcome: 'refused' }
  if (golden.outcome === 'undecodable') return { outcome: 'undecodable' }
  return { outcome: makesNoPoint(golden) ? 'discarded' : golden.outcome }
}

interface Parsed {
  readonly eventType?: number | string | null
  readonly logMessage?: { readonly source_type?: string; readonly source_instance?: string } | null
}

function parsed({ json, json_base64 = '' }: GoldenCase): Parsed {
  return JSON.parse(json ?? Buffer.from(json_base64, 'base64').toString()) ?? {}
}

/** Other event types and the platform's own logs are discarded before anything is looked up, whatever the original did first. */
function makesNoPoint(golden: GoldenCase): boolean {
  const { eventType, logMessage } = parsed(golden)
  if (typeof eventType === 'number' && ![4, 5, 9].includes(eventType)) return true
  return eventType === 5 && logMessage != null && !/^(APP|App|RTR)/.test(logMessage.source_type ?? '')
}

const NOT_A_NUMBER = /NaN is an unsupported value for field (\w+)/

/** The original gave up on a point for one field that is not finite. */
function isWithoutLine({ original_error }: GoldenCase): boolean {
  return NOT_A_NUMBER.test(original_error ?? '')
}

function expectRestWritten({ original_error }: GoldenCase, refined: Refined): void {
  const [, field = ''] = NOT_A_NUMBER.exec(original_error ?? '') ?? []
  if (refined.outcome !== 'point') throw new Error(`a point without ${field} expected, not ${refined.outcome}`)
  const fields = Array.from(refined.line.matchAll(/\b\w+(?==[-\d.]+i?[, ])/g), ([name]) => name)
  const all = ['cpu', 'disk', 'disk_pct', 'disk_quota', 'memory', 'memory_pct', 'memory_quota']
  expect(fields.filter((name) => all.includes(name))).toEqual(all.filter((name) => !name.endsWith('_pct') || fields.includes(name)))
  expect(fields).not.toContain(field)
  expect(refined.line).not.toMatch(/NaN|Inf/)
}

/** The original's line with the improvements that SPEC lists: finite fields, unsigned values that saturate, clean tags. */
function betterLine(golden: GoldenCase, apps: readonly AppMetadata[]): string {
  let line = (golden.line ?? '')
    .replace(/\b(cpu|disk_pct|memory_pct)=(NaN|[+-]Inf),/g, '')
    .replace(/\b(disk|memory|disk_quota|memory_quota)=-\d+i/g, `$1=${2n ** 63n - 1n}i`)
  const guid = /[, ]app_guid=((?:\\.|[^,])*)/.exec(line)?.[1]
  const app = apps.find((candidate) => escaped(candidate.app_guid) === guid)
  const instance = parsed(golden).logMessage?.source_instance ?? ''
  for (const [key, value] of Object.entries({ ...app, instance })) {
    const cleaned = clean(value)
    if (cleaned !== value) line = line.replace(`,${key}=${escaped(value)}`, () => (cleaned === '' ? '' : `,${key}=${escaped(cleaned)}`))
  }
  return line
}

function escaped(value: string): string {
  return value.replace(/[,= ]/g, '\\$&')
}

function clean(value: string): string {
  const spaced = Array.from(value, (character) => (isControl(character.codePointAt(0) ?? 0) ? ' ' : character)).join('')
  return spaced.replace(/\\*$/, '')
}

function isControl(codePoint: number): boolean {
  return codePoint < 0x20 || (codePoint >= 0x7f && codePoint < 0xa0)
}

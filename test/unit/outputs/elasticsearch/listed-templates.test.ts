import { expect, test } from 'vitest'
import { bestFor, templatesOf } from '../../../../src/outputs/elasticsearch/listed-templates.ts'

const template = (name: string, priority: number, ...patterns: string[]) => ({ name, priority, patterns, isDataStream: false })

test.each([
  ['cf-log-2026.01.01', 'days'],
  ['cf-log', 'logs'],
  ['other', undefined],
  ['cf-logs', 'all-cf'],
  ['cf-log-2026x01.01', 'all-cf'],
])('of %s the template is %s', (name, expected) => {
  const templates = [template('all-cf', 0, 'cf-*'), template('days', 7, 'x', 'cf-*-2026.*'), template('logs', 5, 'cf-log')]
  expect(bestFor(templates, name)?.name).toBe(expected)
})

test.each([
  ['a refusal', { status: 403, text: '{}' }],
  ['HTML', { status: 200, text: '<html>' }],
  ['other JSON', { status: 200, text: '{"a":1}' }],
])('%s is no list of templates', (_, answer) => {
  expect(templatesOf(answer)).toBeUndefined()
})

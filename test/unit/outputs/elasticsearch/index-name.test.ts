import { describe, expect, it, test } from 'vitest'
import { App } from '../../../../src/cloud-foundry/app.ts'
import { indexNames, patternsOf, templateProblem } from '../../../../src/outputs/elasticsearch/index-name.ts'

const metadata = { app: 'a', app_guid: 'ag', space: 'dev', space_guid: 'sg', org: 'shop', org_guid: '9a8b7c6d-0000-4000-8000-000000000000' }
const appIn = (org: string, org_guid = metadata.org_guid) => App.of('ag', { ...metadata, org, org_guid }, 0, { documents: true })

describe('the index of an event', () => {
  test.each([
    [0, 'cf-log-1970.01.01'],
    [86_399, 'cf-log-1970.01.01'],
    [86_400, 'cf-log-1970.01.02'],
    [1_763_989_200, 'cf-log-2025.11.24'],
    [9_223_372_036, 'cf-log-2262.04.11'],
  ])('has the UTC day of second %i', (seconds, name) => {
    expect(indexNames('cf-{kind}-{yyyy.MM.dd}').of('log', seconds, appIn('shop'))).toBe(name)
  })

  test.each([
    ['shop', 'shop-log'],
    ['Shop', 'shop-9a8b7c6d-log'],
    ['ümlaut & co', 'mlaut___co-9a8b7c6d-log'],
    ['_-+.shop', 'shop-9a8b7c6d-log'],
    ['..', 'none-9a8b7c6d-log'],
    ['日本', 'none-9a8b7c6d-log'],
    ['', 'none-9a8b7c6d-log'],
  ])('has the organization %j as an index may have it', (org, name) => {
    expect(indexNames('{org}-{kind}').of('log', 0, appIn(org))).toBe(name)
  })

  it('is never shared by two organizations whose names become alike', () => {
    const names = indexNames('{org}-{kind}')
    const one = names.of('log', 0, appIn('A B', '11111111-0000-4000-8000-000000000000'))
    const other = names.of('log', 0, appIn('A_B', '22222222-0000-4000-8000-000000000000'))
    expect(one).not.toBe(other)
  })
})

test.each([
  ['cf-{kind}-{yyyy.MM.dd}', undefined],
  ['CF-{kind}', 'lower-case'],
  ['-cf-{kind}', 'a letter or a digit'],
  ['cf-{kinds}', 'placeholders'],
  ['cf/{kind}', 'lower-case'],
])('the template %s', (template, problem) => {
  if (problem === undefined) expect(templateProblem(template)).toBeUndefined()
  else expect(templateProblem(template)).toContain(problem)
})

test('patterns of a template leave out nothing that it may make', () => {
  expect(patternsOf('{org}-cf-{kind}-{yyyy.MM.dd}')).toEqual(['*-cf-http-*', '*-cf-log-*', '*-cf-container-*'])
})

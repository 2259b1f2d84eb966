import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { DOCKER_METRICS } from '../../../../src/inputs/docker/metrics.ts'
import { dockerInput } from '../../../support/docker-input.ts'
import { pageText } from '../../../support/documents.ts'
import { logMessages } from '../../../support/log-messages.ts'

const page = pageText('docs/inputs/docker.md')

/** What stands between backquotes in the columns of a section's table. */
const cellsOf = (section: string, columns: number) =>
  [...(page.split(`## ${section}\n`)[1]?.split('\n## ')[0] ?? '').matchAll(/^\| .*\|$/gm)].flatMap(([row]) =>
    row
      .split(' | ')
      .slice(0, columns)
      .flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text)),
  )

it('docs/inputs/docker.md says what each line that the input logs asks for', () => {
  const rows = cellsOf('What it logs', 1).map((row) => row.replace(/…$/, ''))
  const written = logMessages().filter(({ place }) => place.includes('inputs/docker/'))
  expect(written.length).toBeGreaterThan(5)
  for (const { text } of written)
    expect(
      rows.filter((row) => text.startsWith(row)),
      text,
    ).toHaveLength(1)
})

it('docs/inputs/docker.md names each figure of /stats and of /metrics', () => {
  const named = cellsOf('Its figures', 2)
  expect(named).toEqual(expect.arrayContaining(DOCKER_METRICS.map(({ name }) => expect.stringMatching(new RegExp(`^${name}\\b`)))))
  for (const [group, value] of Object.entries(dockerInput().figures())) {
    const isGroup = group === 'engine' || group === 'positions'
    if (!isGroup) expect(named).toContain(group)
    // The first of a group is written out, the others stand behind it.
    else
      for (const key of Object.keys(value as object))
        expect(
          named.some((name) => name === `${group}.${key}` || name === `.${key}`),
          key,
        ).toBe(true)
  }
})

it('docs/inputs/docker.md has a story for each alert that is of Docker alone', () => {
  const alerts = readFileSync(new URL('../../../../deploy/prometheus/alerts.yml', import.meta.url), 'utf8')
  const names = [...alerts.matchAll(/alert: (CfmrDocker\w+)/g)].map(([, name = '']) => name)
  expect(names.length).toBeGreaterThan(3)
  expect(cellsOf('At night', 1)).toEqual(expect.arrayContaining(names))
})

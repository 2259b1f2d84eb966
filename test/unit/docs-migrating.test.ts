import { expect, it } from 'vitest'
import { variablesMarkdown } from '../../src/config/manual.ts'
import { pageText } from '../support/documents.ts'

/** With its defaults, as its manual lists them. */
const VARIABLES_OF_THE_ORIGINAL: ReadonlyMap<string, string> = new Map([
  ['CFMR_CF_API', 'required'],
  ['CFMR_CF_USER', 'required'],
  ['CFMR_CF_PASSWORD', 'required'],
  ['CFMR_CF_TIMEOUT', '1m'],
  ['CFMR_CF_SKIPSSLVALIDATION', 'false'],
  ['CFMR_CF_RESULTSPERPAGE', '50'],
  ['CFMR_CF_TOKEN', ''],
  ['CFMR_CF_CLIENTID', ''],
  ['CFMR_CF_CLIENTSECRET', ''],
  ['CFMR_INFLUXDB_USERNAME', ''],
  ['CFMR_INFLUXDB_PASSWORD', ''],
  ['CFMR_INFLUXDB_SKIPSSLVALIDATION', 'false'],
  ['CFMR_INFLUXDB_ADDR', 'required'],
  ['CFMR_INFLUXDB_TIMEOUT', '1m'],
  ['CFMR_INFLUXDB_DATABASE', 'required'],
  ['CFMR_INFLUXDB_RETENTIONPOLICY', ''],
  ['CFMR_INFLUXDB_INFLUXPINGTIMEOUT', '5s'],
  ['CFMR_BATCHER_FLUSHINTERVAL', '3s'],
  ['CFMR_BATCHER_FLUSHMESSAGES', '5000'],
  ['CFMR_KAFKA_ZOOKEEPERS', 'required'],
  ['CFMR_KAFKA_TOPICS', 'required'],
  ['CFMR_KAFKA_CONSUMERGROUP', 'required'],
  ['CFMR_KAFKA_PROCESSINGTIMEOUT', '1m'],
  ['CFMR_KAFKA_OFFSETNEWEST', 'false'],
  ['CFMR_SERVER_PORT', '8080'],
  ['CFMR_METADATAREFRESH', '10m'],
  ['CFMR_METADATAEXPIRE', '3m'],
  ['CFMR_METADATAEXPIRECHECK', '1m'],
  ['CFMR_NEGATIVECACHEEXPIRE', '20m'],
  ['CFMR_NEGATIVECACHEEXPIRECHECK', '3m'],
])

/** The cells of each row that begins with a variable. */
const rowsOf = (markdown: string) =>
  markdown
    .split('\n')
    .filter((line) => line.startsWith('| `CFMR_'))
    .map((line) => line.split('|').map((cell) => cell.trim()))

const rows = new Map(
  rowsOf(pageText('docs/migrating.md')).map(([, name = '', theirs, ours]) => [name.replaceAll('`', ''), { theirs, ours }]),
)
const defaults = new Map(rowsOf(variablesMarkdown()).map(([, name = '', , text]) => [name.replaceAll('`', ''), text ?? '']))

it('docs/migrating.md names every variable of the original, and only those', () => {
  expect([...rows.keys()].sort()).toEqual([...VARIABLES_OF_THE_ORIGINAL.keys()].sort())
})

it.each([...VARIABLES_OF_THE_ORIGINAL])('%s: docs/migrating.md has the default of the original, and ours', (name, original) => {
  const { theirs, ours = '' } = rows.get(name) ?? {}
  const [, plain = ''] = /^(\d\w*|true|false|required)\b/.exec(defaults.get(name) ?? '') ?? []
  expect(theirs).toBe(original)
  if (plain !== '') expect(ours.replaceAll('*', '')).toMatch(new RegExp(`^${plain}\\b`))
  // What differs is to be seen.
  if (plain !== '' && plain !== original) expect(ours).toContain('**')
})

import { expected, kind } from '../../config/kinds.ts'
import { parseOwnerSource } from './inventory/owner-source.ts'
import { parsePattern } from './inventory/selection.ts'

/** Entries with commas between; those within a regular expression between slashes are none. */
const ENTRY = /(?:[^,=]*=){1,2}\/.*?\/(?=\s*(?:,|$))|[^,]+/gs

/** Containers by name, image, label or variable. */
export const patterns = kind('list of patterns', (value) =>
  entriesOf(value).map((entry) => {
    const pattern = parsePattern(entry)
    if (pattern === undefined)
      throw expected(
        'entries such as name=shop-*, image=/^nginx:/, label=team=web or env=STAGE, with commas between; * and ? stand for any text',
      )
    return pattern
  }),
)

/** Where a name is taken from. */
export const ownerSources = kind('list of sources', (value) =>
  entriesOf(value).map((entry) => {
    const source = parseOwnerSource(entry)
    if (source === undefined) throw expected('a list of env:NAME, label:NAME, vcap:KEY, name, image, id, host, slot or text:ANY')
    return source
  }),
)

/** Names of containers, each with the one that it is to have. */
export const aliases = kind('list of container=alias', (value): ReadonlyMap<string, string> => {
  const pairs = entriesOf(value).map((entry) => /^([^=]+)=(.+)$/s.exec(entry))
  if (pairs.some((pair) => pair === null)) throw expected('a list of container=alias')
  const map = new Map(pairs.map((pair) => [(pair?.[1] ?? '').trim(), (pair?.[2] ?? '').trim()]))
  if (map.size !== pairs.length) throw expected('each container once')
  return map
})

function entriesOf(value: string): string[] {
  return (value.match(ENTRY) ?? []).map((entry) => entry.trim()).filter((entry) => entry !== '')
}

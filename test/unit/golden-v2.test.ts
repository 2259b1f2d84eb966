import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { DISCARDED } from '../../src/cloud-foundry/app-event.ts'
import { goldenMessages } from '../support/golden.ts'
import { rendered } from '../support/render.ts'

interface V2Case {
  readonly id: number
  readonly kind: string
  readonly json: string
  readonly json_deprecated_tags: string
  readonly protobuf_base64: string
  readonly v1_protobuf_base64: string | null
}

const cases = gunzipSync(readFileSync(new URL('../fixtures/golden/v2.jsonl.gz', import.meta.url)))
  .toString()
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as V2Case)
const originals = new Map(
  goldenMessages.filter(({ name }) => name.endsWith(' protobuf')).map(({ golden, message }) => [golden.id, message]),
)

describe('what the official conversion makes V2 gives the line and the document of what it makes V1 again', () => {
  test.each(cases)('$kind $id', (v2) => {
    const expected = rendered(v1Of(v2))
    for (const message of [v2.json, v2.json_deprecated_tags, Buffer.from(v2.protobuf_base64, 'base64')]) {
      expect(rendered(Buffer.from(message as string))).toEqual(v2.v1_protobuf_base64 === null ? { verdict: DISCARDED } : expected)
    }
  })
})

/**
 * A method without a name stays the number it is: the conversion makes it 0. Bytes that do not fit into 64 bits as a double are the largest that do: the
 * conversion makes of them what the processor does.
 */
function v1Of({ id, kind, json, v1_protobuf_base64 }: V2Case): Uint8Array {
  if (kind === 'http/method-unknown' || json.includes(`"value":18446744073709552000`)) return originals.get(id) as Buffer
  return Buffer.from(v1_protobuf_base64 ?? '', 'base64')
}

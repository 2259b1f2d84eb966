import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const text = (file: string) => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8')

/** What the file sets it to, as it is written there. */
function setting(file: string, name: string): string {
  const [, value] = new RegExp(`\\b${name}(?::| =) (.*?),?\\n`).exec(text(file)) ?? []
  if (value === undefined) throw new Error(`${file} does not set ${name}`)
  return value
}

const ALONE = 'bench/partitions/kafkajs-alone.mjs'

test('kafkajs alone fetches as the worker does', () => {
  for (const name of ['maxWaitTimeInMs', 'minBytes', 'partitionsConsumedConcurrently', 'autoCommit']) {
    expect(setting(ALONE, name), name).toBe(setting('src/inputs/kafka/group/group-life.ts', name))
  }
  expect(setting(ALONE, 'maxBytes')).toBe(setting('src/inputs/kafka/kafka.ts', 'MAX_FETCH_BYTES'))
  expect(setting('src/inputs/kafka/group/group-life.ts', 'maxBytesPerPartition')).toBe(
    `Math.min(options.maxFetchBytes, ${setting(ALONE, 'maxBytesPerPartition')})`,
  )
})

import type { Records } from './contracts.ts'

/** Some lines of `batch`, given by their numbers in ascending order, as one body to send. */
export function selectRecords(batch: Records, numbers: Uint32Array): Records {
  if (numbers.length === batch.count) return batch
  const source = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length)
  const startOf = (line: number) => (line === 0 ? 0 : batch.endOf(line - 1))
  const ends = new Uint32Array(numbers.length)
  let size = 0
  numbers.forEach((line, i) => {
    size += batch.endOf(line) - startOf(line)
    ends[i] = size
  })
  const bytes = Buffer.allocUnsafe(size)
  numbers.forEach((line, i) => {
    source.copy(bytes, i === 0 ? 0 : ends[i - 1], startOf(line), batch.endOf(line))
  })
  return { count: numbers.length, bytes, endOf: (line) => ends[line] as number }
}

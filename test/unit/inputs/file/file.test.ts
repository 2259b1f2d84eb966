import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Delivery } from '../../../../src/flow/contracts.ts'
import { Ledger } from '../../../../src/flow/ledger.ts'
import { FileInput, type FileInputOptions } from '../../../../src/inputs/file/file.ts'
import { GaveUp } from '../../../../src/lib/errors.ts'

let folder: string
let ledger: Ledger
const never = new AbortController().signal

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cfmr-file-'))
  ledger = new Ledger()
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const input = (files: readonly string[], options: Partial<FileInputOptions> = {}) =>
  new FileInput({ files, maxInFlight: 100_000, maxInFlightBytes: 1 << 25, ledger, ...options })

/** Reads to the end, settling what comes as `written`. */
async function readAll(source: FileInput, stop = never): Promise<string[]> {
  const lines: string[] = []
  for await (const { messages, ack } of source.read(stop)) {
    for (const [i, { value }] of messages.entries()) lines.push(`${ack.topic.split('/').at(-1)}:${ack.offsetOf(i)} ${value}`)
    ack.settle('written', 0, messages.length)
  }
  return lines
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `{"line":${i + 1}}\n`).join('')

describe('reads', () => {
  it('files one after the other, a message a line, blank lines left out, the last line without its end', async () => {
    const files = [file('a.ndjson', '{"a":1}\r\n\n  \n{"a":4}\n\n'), file('b.ndjson', ''), file('c.ndjson', 'not json\n{"c":2}')]
    const source = input(files)
    expect(await readAll(source)).toEqual(['a.ndjson:1 {"a":1}', 'a.ndjson:4 {"a":4}', 'c.ndjson:1 not json', 'c.ndjson:2 {"c":2}'])
    expect(source.restart).toBeUndefined()
    expect(await source.close(Date.now())).toMatchObject([{ count: 0 }])
    expect(ledger).toMatchObject({ consumed: 4, abandoned: 0, fates: { written: 4 } })
  })

  it('gzip by its content, from a file or from standard input', async () => {
    const packed = gzipSync(numbered(5000))
    expect(await readAll(input([file('a.gz', packed)]))).toHaveLength(5000)
    expect(await readAll(input(['-'], { stdin: Readable.from([packed.subarray(0, 1000), packed.subarray(1000)]) }))).toHaveLength(5000)
  })

  it('standard input as it comes, without waiting for more', async () => {
    const stdin = new PassThrough()
    const reading = input(['-'], { stdin }).read(never)
    stdin.write('{"first":1}\n{"se')
    const { value } = await reading.next()
    expect(String(value?.messages[0]?.value)).toBe('{"first":1}')
    stdin.end('cond":2}')
    expect(String((await reading.next()).value?.messages[0]?.value)).toBe('{"second":2}')
    expect((await reading.next()).done).toBe(true)
  })

  it('a thousand lines at once at most', async () => {
    const sizes: number[] = []
    const source = input([file('many', numbered(2500))])
    for await (const { messages } of source.read(never)) sizes.push(messages.length)
    expect(sizes).toEqual([1000, 1000, 500])
  })
})

describe('says how far it is', () => {
  it('in bytes as they lie there, and in lines', async () => {
    const [a, b] = [gzipSync(numbered(3000)), numbered(10)]
    const source = input([file('a.gz', a), file('b', b)])
    await readAll(source)
    const total = a.length + b.length
    expect(source.progress).toEqual({ bytesRead: total, bytesTotal: total, file: join(folder, 'b'), line: 11 })
  })

  it('without a total where a pipe is among the files', async () => {
    const source = input([file('a', numbered(3)), '-'], { stdin: Readable.from(['{}\n']) })
    await readAll(source)
    expect(source.progress).toMatchObject({ bytesTotal: undefined, file: '-', line: 2 })
  })
})

describe('waits while too much is unsettled', () => {
  it.each([
    ['in number', { maxInFlight: 1000 }],
    ['in bytes', { maxInFlightBytes: 10_000 }],
  ])('%s', async (_, limits) => {
    const source = input([file('many', numbered(3000))], limits)
    const reading = source.read(never)
    const first = (await reading.next()).value as Delivery
    const second = reading.next()
    await expect(Promise.race([second, new Promise((resolve) => setTimeout(resolve, 30, 'waits'))])).resolves.toBe('waits')
    first.ack.settle('discarded', 0, 1000)
    expect((await second).value?.ack.offsetOf(0)).toBe(1001)
    expect(source.inFlight).toBe(1000)
  })
})

describe('where to go on', () => {
  it('is the first line that is not settled, whatever has been settled behind it', async () => {
    const files = [file('a', numbered(5)), file('b', numbered(3000)), file('c', numbered(5))]
    const source = input(files)
    const held: Delivery[] = []
    for await (const delivery of source.read(never)) {
      if (delivery.ack.topic === files[0]) delivery.ack.settle('written', 0, 5)
      else held.push(delivery)
    }
    expect(source.restart).toEqual({ file: files[1], line: 1 })
    held[2]?.ack.settle('written', 0, 1000)
    held[0]?.ack.settle('written', 0, 700)
    held[0]?.ack.settle('written', 701, 299)
    expect(source.restart).toEqual({ file: files[1], line: 701 })
    held[0]?.ack.settle('undecodable', 700)
    expect(source.restart).toEqual({ file: files[1], line: 1001 })
    expect(await source.close(Date.now())).toMatchObject([{ count: 1005 }])
    expect(source.restart).toEqual({ file: files[1], line: 1001 })
    expect(ledger.residue(source.inFlight)).toBe(0)
    expect(ledger.abandoned).toBe(1005)
    held[1]?.ack.settle('written', 0, 1000)
    expect(ledger.fates.written).toBe(5 + 1000 + 700 + 299)
  })

  it('is accepted again, and nothing between is missed or read twice', async () => {
    const files = [file('a', numbered(2500)), file('b', numbered(10))]
    const stop = new AbortController()
    const source = input(files)
    const before: string[] = []
    for await (const { messages, ack } of source.read(stop.signal)) {
      before.push(...messages.map(({ value }) => String(value)))
      ack.settle('written', 0, messages.length)
      if (before.length === 2000) stop.abort()
    }
    const { restart } = source
    expect(restart).toEqual({ file: files[0], line: 2001 })
    const after = await readAll(input(files, { from: restart }))
    expect(after.slice(0, 1)).toEqual(['a:2001 {"line":2001}'])
    expect(before.length + after.length).toBe(2510)
  })

  it('leaves out the files before it', async () => {
    const files = [join(folder, 'not there'), file('b', numbered(3))]
    const source = input(files, { from: { file: files[1] as string, line: 3 } })
    expect(await readAll(source)).toEqual(['b:3 {"line":3}'])
  })
})

describe('ends', () => {
  it('at once when it is stopped, also while standard input is silent', async () => {
    const stop = new AbortController()
    const reading = input(['-'], { stdin: new PassThrough() }).read(stop.signal)
    const next = reading.next()
    stop.abort()
    expect((await next).done).toBe(true)
  })

  it('with what is in flight, but not later than it is told', async () => {
    const source = input([file('a', numbered(10))])
    const { value } = await source.read(never).next()
    const closing = source.close(Date.now() + 60_000)
    value?.ack.settle('written', 0, 10)
    expect(await closing).toMatchObject([{ count: 0 }])
  })

  it('before the first line when a file cannot be read, naming it', async () => {
    mkdirSync(join(folder, 'sub'))
    const good = file('good', numbered(3))
    for (const bad of ['missing.ndjson', 'sub']) {
      const source = input([good, join(folder, bad)])
      await expect(source.read(never).next()).rejects.toThrow(GaveUp)
      await expect(source.read(never).next()).rejects.toThrow(`cannot read ${join(folder, bad)}: `)
    }
    expect(ledger.consumed).toBe(0)
  })

  it('with an error that names file and line when gzip breaks off, after all lines before that', async () => {
    const packed = gzipSync(Array.from({ length: 20_000 }, () => `{"random":${Math.random()}}\n`).join(''))
    const source = input([file('cut.gz', packed.subarray(0, packed.length / 2))])
    const lines: string[] = []
    const reading = async () => {
      for await (const { messages, ack } of source.read(never)) {
        lines.push(...messages.map(({ value }) => String(value)))
        ack.settle('written', 0, messages.length)
      }
    }
    await expect(reading()).rejects.toThrow(/cannot read .*cut\.gz any further than line \d+: unexpected end of file/)
    expect(lines.length).toBeGreaterThan(5000)
    expect(source.restart?.line).toBe(lines.length + 1)
  })
})

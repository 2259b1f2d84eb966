import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type InfluxDbServer, startInfluxDb } from '../../dev/influxdb.ts'
import { scratchFolder } from '../../dev/scratch-folder.ts'
import { linesOf } from '../fakes/lines.ts'
import { influxDbFor } from '../support/influxdb-output.ts'

const DISK_MB = 48
const disk = scratchFolder('small-disk')
const canMount = tryToMount()
if (!canMount)
  console.warn(
    `A full disk is not tried: a file system cannot be mounted here (${process.getuid?.() === 0 ? 'not permitted' : 'needs root'})`,
  )

function tryToMount(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', disk], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

describe.skipIf(!canMount)('InfluxDB whose disk is full', () => {
  const filling = join(disk, 'filling')
  let server: InfluxDbServer

  beforeAll(async () => {
    for (const folder of ['data', 'wal']) mkdirSync(join(disk, folder))
    const folders = { dir: join(disk, 'data'), 'wal-dir': join(disk, 'wal') }
    server = await startInfluxDb({ databases: ['cf'], config: { data: folders } })
  })

  afterAll(async () => {
    await server?.close()
    execFileSync('umount', ['-l', disk])
    rmSync(disk, { recursive: true, force: true })
  })

  it('speaks of a partial write of dropped points: no point is refused, and all are stored once there is room', async () => {
    const output = influxDbFor(server.url, { timeoutMs: 20_000, flushRetries: 1 })
    const lines = (from: number) =>
      linesOf(
        Array.from(
          { length: 500 },
          (_, i) => `log,app=a${from + i},pad=${'x'.repeat(200)} count=1i ${1_700_000_000_000_000_000n + BigInt(i)}`,
        ),
      )
    const never = new AbortController().signal
    try {
      expect(await output.write(lines(0), never)).toEqual([])
      fill()
      await expect(output.write(lines(1000), never)).rejects.toThrow(/no space left on device.*Nothing is lost/)
      expect(output.records).toBe(500)
      rmSync(filling)
      // Its index of series needs that to find room again.
      await server.restart()
      expect(await output.write(lines(1000), never)).toEqual([])
      expect(await server.count('cf', 'log', 'count')).toBe(1000)
    } finally {
      await output.close()
    }
  })

  function fill(): void {
    const chunk = Buffer.alloc(4096)
    for (let i = 0; i < (DISK_MB * 2 ** 20) / chunk.length; i++) {
      try {
        writeFileSync(filling, chunk, { flag: 'a' })
      } catch {
        return
      }
    }
  }
})

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive } from './cache.ts'

const prefix = 'cfmr-dev-'

const folders = new Set<string>()
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A temporary folder that goes with this process, also when it fails. What a killed one left behind is swept away first. */
export function scratchFolder(name: string): string {
  sweep()
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-${name}-`))
  folders.add(folder)
  return folder
}

function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN
    if (owner > 0 && !isAlive(owner)) rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
}

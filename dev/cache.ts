import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { sleep } from '../src/lib/sleep.ts'

const cacheFolder = process.env['CFMR_DEV_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cf-metrics-refinery')

/**
 * The folder of what was fetched once, such as `kafka-4.1.1`. Where it is missing `fill` makes it: one process at a time,
 * and it appears under its name only when it is complete.
 */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder, name)
  if (await exists(folder)) return folder
  await mkdir(cacheFolder, { recursive: true })
  const unlock = await lock(`${folder}.lock`)
  try {
    if (await exists(folder)) return folder
    const partial = `${folder}.partial`
    await rm(partial, { recursive: true, force: true })
    await mkdir(partial)
    await fill(partial)
    await rename(partial, folder)
    return folder
  } finally {
    await unlock()
  }
}

/** A lock is a folder with its owner's pid inside; one whose owner is gone is taken over. */
async function lock(path: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await mkdir(path)
      await writeFile(join(path, 'pid'), String(process.pid))
      return () => rm(path, { recursive: true, force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const owner = Number(await readFile(join(path, 'pid'), 'utf8').catch(() => ''))
    const ageMs = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now())
    if (owner > 0 ? !isAlive(owner) : ageMs > 5_000) await rm(path, { recursive: true, force: true })
    else await sleep(200)
  }
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

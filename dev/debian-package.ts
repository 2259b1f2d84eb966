import { execFile } from 'node:child_process'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached } from './cache.ts'

const run = promisify(execFile)

/** The folder a Debian package was unpacked into, fetched when it is asked for first. Nothing is installed. */
export const debianPackage = (name: string): Promise<string> => debianPackages(`debian-${name}`, [name])

/** The same of packages that are unpacked into one folder, as on a machine that has them; `name` is the folder's in the cache. */
export const debianPackages = (name: string, packages: readonly string[]): Promise<string> =>
  cached(name, (folder) => unpackPackages(packages, folder))

export async function unpackPackages(packages: readonly string[], folder: string): Promise<void> {
  for (const name of packages) {
    await download(name, folder)
    const [file] = (await readdir(folder)).filter((entry) => entry.endsWith('.deb'))
    if (file === undefined) throw new Error(`apt-get download ${name} left no .deb file`)
    await run('dpkg', ['-x', join(folder, file), folder])
    await rm(join(folder, file))
  }
}

async function download(name: string, folder: string): Promise<void> {
  const fetch = () => run('apt-get', ['download', name], { cwd: folder })
  try {
    // A machine that never asked has no list of packages yet.
    await fetch().catch(() => run('apt-get', ['update']).then(fetch))
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string }
    throw new Error(`apt-get could not download Debian's package ${name} (is this Debian or Ubuntu, is the network there?)\n${stderr}`, {
      cause: error,
    })
  }
}

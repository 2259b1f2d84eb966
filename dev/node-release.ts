import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached } from './cache.ts'

/** The folder with the `node` of that major version, for a PATH, fetched from npm when it is asked for first. Nothing is installed. */
export async function nodeRelease(major: 22 | 24): Promise<string> {
  const folder = await cached(`node-${major}`, async (folder) => {
    await writeFile(join(folder, 'package.json'), '{"private":true}')
    await promisify(execFile)('npm', ['install', '--silent', '--no-save', `node@${major}`], { cwd: folder })
  })
  return join(folder, 'node_modules', 'node', 'bin')
}

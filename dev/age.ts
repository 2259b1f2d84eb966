import { execFile, execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { debianPackage } from './debian-package.ts'

export interface AgeKey {
  /** Of the secret key. */
  readonly file: string
  readonly recipient: string
}

/** Debian's age, which is not ours: what it opens, anybody can. */
export interface Age {
  /** A new pair; its secret key in `NAME.key` of `folder`. */
  keygen(folder: string, name: string): AgeKey
  /** The documents of an object; rejects with age's own words. */
  open(object: Buffer, key: AgeKey): Promise<string>
}

export async function debianAge(): Promise<Age> {
  const bin = join(await debianPackage('age'), 'usr/bin')
  return {
    keygen: (folder, name) => {
      const file = join(folder, `${name}.key`)
      const text = execFileSync(join(bin, 'age-keygen'), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      writeFileSync(file, text, { mode: 0o600 })
      return { file, recipient: /public key: (\S+)/.exec(text)?.[1] ?? '' }
    },
    open: (object, { file }) =>
      new Promise((resolve, reject) => {
        const child = execFile(
          join(bin, 'age'),
          ['-d', '-i', file],
          { encoding: 'buffer', maxBuffer: 2 ** 30 },
          (error, stdout, stderr) => {
            if (error) reject(new Error(String(stderr).trim()))
            else resolve(gunzipSync(stdout).toString())
          },
        )
        child.stdin?.on('error', () => {}).end(object)
      }),
  }
}

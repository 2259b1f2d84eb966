import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { debianPackage } from '../debian-package.ts'
import { scratchFolder } from '../scratch-folder.ts'

const COMMANDS = [
  'cat',
  'date',
  'dd',
  'env',
  'head',
  'kill',
  'ls',
  'printf',
  'rm',
  'seq',
  'sh',
  'sleep',
  'tail',
  'touch',
  'tr',
  'true',
  'usleep',
  'yes',
]

/** A folder that is the root of an image: Debian's static busybox, and a shell by its name. */
export async function boxRoot(): Promise<string> {
  const busybox = join(await debianPackage('busybox-static'), 'bin/busybox')
  const folder = scratchFolder('box')
  for (const name of ['bin', 'etc', 'tmp']) mkdirSync(join(folder, name))
  copyFileSync(busybox, join(folder, 'bin/busybox'))
  for (const command of COMMANDS) symlinkSync('busybox', join(folder, 'bin', command))
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n')
  return folder
}

import { execFile, execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { boxRoot } from './box-image.ts'
import type { DockerEngine } from './docker.ts'

const run = promisify(execFile)
/** What npm and the scripts of packages call beside a shell. */
const COMMANDS = ['chmod', 'cp', 'echo', 'ln', 'mkdir', 'mv', 'readlink', 'test', 'uname']
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt'
const SETTINGS = '/etc/npmrc'
/** Of this machine's npm, how it reaches its registry. */
const KEYS = ['registry', 'proxy', 'https-proxy', 'noproxy', 'strict-ssl'] as const

/**
 * This machine's Node and npm as an image, where there is no registry to pull one from: with the libraries that they, and the files that `linked`
 * names, are linked to, and with what npm needs to reach its registry from within the host's network.
 */
export async function importNode(engine: DockerEngine, name: string, linked: readonly string[] = []): Promise<void> {
  const folder = await boxRoot()
  for (const command of COMMANDS) symlinkSync('busybox', join(folder, 'bin', command))
  const copy = (file: string) => {
    mkdirSync(join(folder, dirname(file)), { recursive: true })
    cpSync(file, join(folder, file), { dereference: true, recursive: true })
  }
  const libraries = [process.execPath, ...linked].flatMap((file) => execFileSync('ldd', [file], { encoding: 'utf8' }).match(/\/\S+/g) ?? [])
  for (const file of new Set([process.execPath, ...libraries])) copy(file)
  for (const each of ['usr/local/bin', 'usr/bin', 'root']) mkdirSync(join(folder, each), { recursive: true })
  symlinkSync(process.execPath, join(folder, 'usr/local/bin/node'))
  if (!existsSync(join(folder, 'usr/bin/env'))) symlinkSync('/bin/busybox', join(folder, 'usr/bin/env'))
  await addNpm(folder, copy)
  await run('tar', ['-C', folder, '-cf', `${folder}.tar`, '.'])
  const environment = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: '/root',
    NPM_CONFIG_GLOBALCONFIG: SETTINGS,
    NODE_EXTRA_CA_CERTS: AUTHORITIES,
  }
  const changes = Object.entries(environment).flatMap(([key, value]) => ['--change', `ENV ${key}=${value}`])
  await engine.docker('import', ...changes, `${folder}.tar`, name)
  rmSync(`${folder}.tar`)
  rmSync(folder, { recursive: true })
}

async function addNpm(folder: string, copy: (file: string) => void): Promise<void> {
  const npm = join((await run('npm', ['root', '--global'])).stdout.trim(), 'npm')
  copy(npm)
  symlinkSync(join(npm, 'bin/npm-cli.js'), join(folder, 'usr/local/bin/npm'))
  const settings: string[] = []
  for (const key of KEYS) {
    const value = (await run('npm', ['config', 'get', key])).stdout.trim()
    if (value !== '' && value !== 'null') settings.push(`${key}=${value}`)
  }
  const authorities = [process.env['NODE_EXTRA_CA_CERTS'], AUTHORITIES].find((file) => file !== undefined && existsSync(file))
  mkdirSync(join(folder, dirname(AUTHORITIES)), { recursive: true })
  if (authorities === undefined) writeFileSync(join(folder, AUTHORITIES), '')
  else cpSync(authorities, join(folder, AUTHORITIES), { dereference: true })
  writeFileSync(join(folder, SETTINGS), `${[...settings, 'audit=false', 'fund=false', 'update-notifier=false'].join('\n')}\n`)
}

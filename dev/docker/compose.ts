import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { debianPackages } from '../debian-package.ts'
import type { DockerEngine } from './docker.ts'

const PYTHON = '/usr/bin/python3'
const MODULES = [
  'attr',
  'cached-property',
  'certifi',
  'chardet',
  'charset-normalizer',
  'distro',
  'distutils',
  'docker',
  'dockerpty',
  'docopt',
]
const MORE_MODULES = ['dotenv', 'idna', 'jsonschema', 'packaging', 'pkg-resources', 'pyrsistent', 'requests', 'six', 'texttable', 'urllib3']
const PACKAGES = ['docker-compose', ...[...MODULES, ...MORE_MODULES, 'websocket', 'yaml'].map((module) => `python3-${module}`)]

/** Debian's docker-compose, for one engine. Resolves to what it prints. */
export type Compose = (args: readonly string[], env: Readonly<Record<string, string>>) => Promise<string>

/** Undefined where Debian's Python is not there. */
export async function debianCompose({ host }: DockerEngine): Promise<Compose | undefined> {
  if (!existsSync(PYTHON)) return undefined
  const folder = await debianPackages('debian-docker-compose', PACKAGES)
  const modules = join(folder, 'usr/lib/python3/dist-packages')
  return async (args, env) => {
    const all = { ...process.env, ...env, PYTHONPATH: modules, PYTHONDONTWRITEBYTECODE: '1', DOCKER_HOST: host }
    const { stdout } = await promisify(execFile)(PYTHON, [join(folder, 'usr/bin/docker-compose'), ...args], { env: all })
    return stdout
  }
}

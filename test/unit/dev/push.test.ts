import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { scratchFolder } from '../../../dev/scratch-folder.ts'

const script = fileURLToPath(new URL('../../../dev/push.ts', import.meta.url))

/** `npm run push -- --strategy rolling` where nothing is on the PATH but these commands, which end as they are told. */
function push(commands: Readonly<Record<string, number>>) {
  const bin = scratchFolder('bin')
  const callsFile = join(bin, 'calls')
  for (const [name, status] of Object.entries(commands)) {
    writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >> ${callsFile}\nexit ${status}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script, '--strategy', 'rolling'], {
    env: { PATH: bin },
    encoding: 'utf8',
  })
  const calls = existsSync(callsFile) ? readFileSync(callsFile, 'utf8').trimEnd().split('\n') : []
  return { status, stderr, calls }
}

it('builds, and hands its options to cf push', () => {
  expect(push({ cf: 0, npm: 0 })).toMatchObject({
    status: 0,
    calls: ['cf version', 'npm run --silent build', 'cf push --strategy rolling'],
  })
})

it('does not push what could not be built', () => {
  expect(push({ cf: 0, npm: 1 })).toMatchObject({ status: 1, calls: ['cf version', 'npm run --silent build'] })
})

it('says what to do where there is no cf, before it builds', () => {
  const { status, stderr, calls } = push({ npm: 0 })
  expect({ status, calls }).toEqual({ status: 1, calls: [] })
  expect(stderr).toContain('cf login')
})

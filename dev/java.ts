import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The `java` to use, 17 or later: of JAVA_HOME, else of the PATH; undefined where there is none. */
export function findJava(): string | undefined {
  const home = process.env['JAVA_HOME']
  const candidates = [...(home ? [join(home, 'bin', 'java')] : []), 'java']
  return candidates.find((java) => {
    if (java !== 'java' && !existsSync(java)) return false
    const { stderr, status } = spawnSync(java, ['-version'], { encoding: 'utf8' })
    return status === 0 && Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0) >= 17
  })
}

export const hasMaven = (): boolean => spawnSync('mvn', ['--version'], { stdio: 'ignore' }).status === 0

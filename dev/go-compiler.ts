import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { unpackPackages } from './debian-package.ts'

/** Of Debian 12. */
const VERSION = '1.19'

export interface GoCompiler {
  /** Runs `go`. Rejects with what it says. */
  go(args: readonly string[], cwd?: string): Promise<void>
  /** Where `go install` puts programs. */
  readonly bin: string
}

/** Debian's Go compiler, in `folder` for as long as `build` needs it. Modules come from Go's module proxy. */
export async function withGo(folder: string, build: (compiler: GoCompiler) => Promise<void>): Promise<void> {
  const home = join(folder, 'go')
  await mkdir(home)
  await unpackPackages([`golang-${VERSION}-go`, `golang-${VERSION}-src`], home)
  const root = join(home, `usr/lib/go-${VERSION}`)
  const bin = join(home, 'bin')
  const env = {
    GOROOT: root,
    GOPATH: join(home, 'path'),
    GOCACHE: join(home, 'cache'),
    GOFLAGS: '-modcacherw',
    CGO_ENABLED: '0',
    GOBIN: bin,
  }
  const run = promisify(execFile)
  await build({
    bin,
    go: async (args, cwd = home) => void (await run(join(root, 'bin/go'), args, { cwd, env: { ...process.env, ...env } })),
  })
  await rm(home, { recursive: true })
}

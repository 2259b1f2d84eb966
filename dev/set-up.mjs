// What `npm test` and `npm run demo` begin with in a fresh clone. Plain JavaScript: it runs before anything is installed.
import { execSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

process.chdir(new URL('..', import.meta.url).pathname)

const packagesOf = (lockfile) => JSON.parse(readFileSync(lockfile, 'utf8')).packages
const installedList = 'node_modules/.package-lock.json'

function isInstalled() {
  if (!existsSync(installedList)) return false
  const installed = packagesOf(installedList)
  return Object.entries(packagesOf('package-lock.json')).every(
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  )
}

if (!isInstalled()) execSync('npm ci', { stdio: 'inherit' })
await import('./build-proto.mjs')
await import('./build-page.mjs')

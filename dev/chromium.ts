import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium } from 'playwright-core'

const run = promisify(execFile)

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** It asks nobody for updates, and needs neither a screen nor a sandbox, which root does not get. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A headless browser, or in words why there is none. */
export async function startChromium(): Promise<Browser | string> {
  const executablePath = installed() ?? (await install())
  if (executablePath === undefined) {
    return 'There is no Chromium or Chrome here (CHROMIUM=path names one), and only root on Debian or Ubuntu can have it installed.'
  }
  return chromium.launch({ executablePath, args })
}

/** CHROMIUM wins, also where it is wrong: then the start says so. */
function installed(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return process.env['CHROMIUM'] || folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path))
}

/** Debian's package needs its libraries, so that unpacking it aside would not do. */
async function install(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const aptGet = (...words: string[]) => run('apt-get', words, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  try {
    await aptGet('update')
    await aptGet('install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core')
  } catch {
    return undefined
  }
  return installed()
}

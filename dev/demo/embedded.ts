import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The same pipeline without servers: the sample's envelopes from a file, the points to stdout. Resolves to its exit status. */
export async function embeddedDemo(): Promise<number> {
  const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
  const child = spawn(process.execPath, [path('dist/main.js'), 'replay', path('test/fixtures/mix-4k.ndjson.gz')], {
    stdio: 'inherit',
    env: { ...process.env, CFMR_OUTPUT: 'stdout', CFMR_CF_API: `file:${path('test/fixtures/mix-apps.json')}` },
  })
  const [status] = await once(child, 'close')
  return status ?? 1
}

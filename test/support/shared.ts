import { randomUUID } from 'node:crypto'
import { request } from 'undici'
import { inject } from 'vitest'
import type { Parts } from './stack.ts'

/**
 * A server (or the built program) that all tests of the run share, started by the first who asks. Whoever wants to break it
 * starts one of its own; whoever uses it takes names of its own, see {@link uniqueName}.
 */
export async function shared<Name extends keyof Parts>(name: Name): Promise<Parts[Name]> {
  const { statusCode, body } = await request(`${inject('stackUrl')}/${name}`, { headersTimeout: 180_000 })
  if (statusCode !== 200) throw new Error(`${name} is not there: ${await body.text()}`)
  return (await body.json()) as Parts[Name]
}

/** For topics, groups and databases, so that tests do not meet. */
export const uniqueName = (purpose: string) => `${purpose}-${randomUUID().slice(0, 8)}`

import { createHash } from 'node:crypto'

const ID_BYTES = 16

/** What names a line of a container for ever. */
export interface LineIdentity {
  readonly container: string
  readonly stream: 'stdout' | 'stderr'
  readonly timeNs: bigint
  /** Its number among the lines of the stream with exactly this time, from 0. */
  readonly ordinal: number
}

/** The id of a line's event: 22 characters of base64url, 128 bits; the same when the line is read again. */
export function eventIdOf({ container, stream, timeNs, ordinal }: LineIdentity): string {
  return identityIdOf(container, stream, String(timeNs), ordinal)
}

/** The same of whatever a container says, by what tells it from all else that this container says. */
export function identityIdOf(container: string, ...parts: readonly (string | number)[]): string {
  const text = JSON.stringify(['docker', container, ...parts])
  return createHash('sha256').update(text).digest().toString('base64url', 0, ID_BYTES)
}

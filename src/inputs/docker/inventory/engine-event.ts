import { valueAt } from '../../../lib/value-at.ts'

/** What has happened to a container, as the engine says it. */
export interface EngineEvent {
  readonly id: string
  readonly timeNs: bigint
  /** In Docker's words, without the command of an exec. */
  readonly action: string
  readonly exitCode?: string
  readonly signal?: string
  /** Its name, image and labels then, and whatever belongs to the action, all in one. */
  readonly attributes: Readonly<Record<string, string>>
}

/** Podman's words for what Docker calls otherwise. */
const DOCKERS_WORDS: Readonly<Record<string, string>> = { remove: 'destroy', died: 'die' }
const EXEC = /^(exec_\w+):.*$/s
const NS_PER_SECOND = 1_000_000_000n

/** Undefined of an event that is not about a container. */
export function engineEventOf(frame: unknown): EngineEvent | undefined {
  const id = valueAt(frame, 'Actor', 'ID')
  const word = valueAt(frame, 'Action')
  const timeNs = timeOf(frame)
  if (valueAt(frame, 'Type') !== 'container' || typeof id !== 'string' || typeof word !== 'string' || timeNs === undefined) return undefined
  const action = word.replace(EXEC, '$1')
  const exitCode = whole(valueAt(frame, 'Actor', 'Attributes', 'exitCode') ?? valueAt(frame, 'Actor', 'Attributes', 'containerExitCode'))
  const signal = whole(valueAt(frame, 'Actor', 'Attributes', 'signal'))
  return {
    id,
    timeNs,
    action: DOCKERS_WORDS[action] ?? action,
    attributes: textsOf(valueAt(frame, 'Actor', 'Attributes')),
    ...(exitCode !== undefined && /^(die|exec_die)$/.test(DOCKERS_WORDS[action] ?? action) && { exitCode }),
    ...(signal !== undefined && action === 'kill' && { signal }),
  }
}

function timeOf(frame: unknown): bigint | undefined {
  const nano = digits(valueAt(frame, 'timeNano'))
  if (nano !== undefined) return BigInt(nano)
  const seconds = digits(valueAt(frame, 'time'))
  return seconds === undefined ? undefined : BigInt(seconds) * NS_PER_SECOND
}

function textsOf(attributes: unknown): Readonly<Record<string, string>> {
  if (typeof attributes !== 'object' || attributes === null) return {}
  return Object.fromEntries(Object.entries(attributes).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

function digits(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value
  return typeof text === 'string' && /^\d{1,19}$/.test(text) ? text : undefined
}

/** Digits as JSON has them, of 32 bits: outputs write them as they are. A label may stand in their place, and say anything. */
function whole(value: unknown): string | undefined {
  const text = digits(value)
  return text !== undefined && String(Number(text)) === text && Number(text) < 2 ** 32 ? text : undefined
}

/** Seconds since 1970 with nine digits, as `since` takes them. */
export function sinceText(timeNs: bigint): string {
  return `${timeNs / NS_PER_SECOND}.${String(timeNs % NS_PER_SECOND).padStart(9, '0')}`
}

import { valueAt } from '../../../lib/value-at.ts'
import { type Description, SHORT_ID } from './container.ts'
import { type OwnerSources, ownerNames } from './owner-names.ts'
import type { Described } from './owner-source.ts'
import { type Selection, selectedOf } from './selection.ts'

export interface DescribeOptions {
  readonly sources: OwnerSources
  readonly selection: Selection
  /** Other names for containers, by theirs. */
  readonly aliases: ReadonlyMap<string, string>
  /** Whether this process runs in the container of that id and host name. */
  readonly isOwn: (id: string, hostname: string) => boolean
}

/** What an answer to `GET /containers/ID/json` says. */
export interface Inspection {
  readonly description: Description
  readonly isRunning: boolean
  /** As the engine says it; '' where it has not run yet. */
  readonly startedAt: string
  /** Of the last run that has ended. */
  readonly finishedAt: string
}

const NEVER = '0001-01-01'

/** Undefined where the answer is none. The environment is looked at here, and nowhere kept. */
export function inspectionOf(answer: unknown, host: string, options: DescribeOptions): Inspection | undefined {
  const id = textAt(answer, 'Id')
  if (id === '') return undefined
  const described: Described = {
    id,
    name: textAt(answer, 'Name').replace(/^\//, ''),
    image: textAt(answer, 'Config', 'Image'),
    host,
    labels: labelsOf(valueAt(answer, 'Config', 'Labels')),
    env: listOf(valueAt(answer, 'Config', 'Env')),
  }
  const startedAt = textAt(answer, 'State', 'StartedAt')
  return {
    description: {
      ...descriptionOf(described, options.isOwn(id, textAt(answer, 'Config', 'Hostname')), options),
      isTerminal: valueAt(answer, 'Config', 'Tty') === true,
      logDriver: textAt(answer, 'HostConfig', 'LogConfig', 'Type'),
    },
    isRunning: valueAt(answer, 'State', 'Running') === true,
    startedAt: startedAt.startsWith(NEVER) ? '' : startedAt,
    finishedAt: textAt(answer, 'State', 'FinishedAt'),
  }
}

/**
 * What stands for a container that could not be inspected: what an event has said of it, else its id alone. There is no environment to name it by, and its log
 * cannot be read.
 */
export function undescribed(id: string, attributes: Readonly<Record<string, string>>, host: string, options: DescribeOptions): Description {
  // What belongs to an action stands among them.
  const { name = id.slice(0, SHORT_ID), image = '', exitCode: _, containerExitCode: __, signal: ___, execID: ____, ...labels } = attributes
  return { ...descriptionOf({ id, name, image, host, labels, env: [] }, false, options), isTerminal: false, logDriver: '' }
}

function descriptionOf(
  described: Described,
  isOwn: boolean,
  { sources, selection, aliases }: DescribeOptions,
): Omit<Description, 'isTerminal' | 'logDriver'> {
  const { name, image, host, labels } = described
  const owner = ownerNames(described, sources, aliases.get(name))
  return { name, image, host, owner, labels, selected: selectedOf(described, selection, isOwn) }
}

function textAt(answer: unknown, ...path: readonly string[]): string {
  const value = valueAt(answer, ...path)
  return typeof value === 'string' ? value : ''
}

/** What is no text is left out. */
function labelsOf(labels: unknown): Readonly<Record<string, string>> {
  if (typeof labels !== 'object' || labels === null) return {}
  return Object.fromEntries(Object.entries(labels).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

function listOf(values: unknown): readonly string[] {
  return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : []
}

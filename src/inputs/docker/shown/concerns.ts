import type { DockerParts } from './figures.ts'

/** So many are named. */
const NAMED = 5

/** What somebody should look at, though the input works: a sentence each. */
export function dockerConcerns({ inventory, followers, state }: Pick<DockerParts, 'inventory' | 'followers' | 'state'>): readonly string[] {
  const logs = [...followers.progress]
  const labelsOf = (isMeant: string) => logs.filter(([, progress]) => progress.state === isMeant).map(([{ label }]) => label)
  const [unreadable, retrying, waiting] = [labelsOf('unreadable'), labelsOf('retrying'), labelsOf('waiting')]
  const concerns: string[] = []
  const uninspected = [...inventory.containers.values()].filter(({ problem }) => problem !== undefined).map(({ label }) => label)
  if (uninspected.length > 0) concerns.push(`docker: ${named(uninspected)} cannot be inspected, and is asked for again`)
  if (unreadable.length > 0)
    concerns.push(`docker: the logs of ${named(unreadable)} cannot be read: their logging driver does not let anybody`)
  if (retrying.length > 0) concerns.push(`docker: reading the logs of ${named(retrying)} failed, and is tried again`)
  if (waiting.length > 0) concerns.push(`docker: the logs of ${named(waiting)} wait for room: outputs do not keep up`)
  if (state.problem !== undefined) concerns.push(`docker: the positions of logs cannot be saved: ${state.problem}`)
  return concerns
}

function named(labels: readonly string[]): string {
  const more = labels.length > NAMED ? ` and ${labels.length - NAMED} more` : ''
  return `${labels.slice(0, NAMED).join(', ')}${more}`
}

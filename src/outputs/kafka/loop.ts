import { PLACEHOLDER } from '../name-template.ts'

interface Read {
  readonly brokers: readonly string[]
  /** Names and patterns, as they are read. */
  readonly topics: readonly (string | RegExp)[]
  readonly deadLetterTopic: string | undefined
}

/**
 * Which topic that is read, or keeps dead letters, messages could be sent to on the same brokers: they would be read again, without an end. A
 * placeholder stands for any text. Undefined where there is none.
 */
export function loopOf(
  template: string,
  brokers: readonly string[] | undefined,
  { brokers: readFrom, topics, deadLetterTopic }: Read,
): string | undefined {
  const isSame = brokers === undefined || brokers.some((broker) => readFrom.includes(broker))
  if (!isSame) return undefined
  const literal = template.replace(PLACEHOLDER, '\0').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const fits = new RegExp(`^${literal.replaceAll('\0', '[\\w.-]*')}$`)
  const name = [...topics, ...(deadLetterTopic === undefined ? [] : [deadLetterTopic])].find(
    (topic) => typeof topic === 'string' && fits.test(topic),
  )
  if (name !== undefined) return String(name)
  const hasPlaceholder = template.replace(PLACEHOLDER, '') !== template
  // What a pattern and a template have in common cannot be decided in general: some names that the template makes are tried.
  const samples = hasPlaceholder
    ? ['x', 'log', 'http', 'container', '2026.01.01', ''].map((text) => template.replace(PLACEHOLDER, text))
    : [template]
  const pattern = topics.find((topic) => topic instanceof RegExp && samples.some((sample) => topic.test(sample)))
  return pattern === undefined ? undefined : String(pattern)
}

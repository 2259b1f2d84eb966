import { expected, kind } from './kinds.ts'

/** `host:port` or `[IPv6]:port`. */
const BROKER = /^(?:[\w.-]+|\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]):(\d{1,5})$/

export const brokers = kind('list of host:port', (value) =>
  entries(value).map((entry) => {
    if (entry.includes('@')) throw expected('host:port without a login; that goes into CFMR_KAFKA_SASLUSERNAME and CFMR_KAFKA_SASLPASSWORD')
    if (entry.includes('://')) throw expected(`host:port without a scheme, where entry ${JSON.stringify(entry)} has one`)
    const port = Number(BROKER.exec(entry)?.[1])
    if (!(port >= 1 && port <= 65_535))
      throw expected(`a list of host:port with commas between, where entry ${JSON.stringify(entry)} is none`)
    return entry
  }),
)

/** Kafka's own rule. */
const TOPIC = /^(?!\.{1,2}$)[\w.-]{1,249}$/

export const topic = kind('topic', (value) => checkTopic(value.trim()))

/** Names, and regular expressions between slashes. */
export const topics = kind('list of topics and /patterns/', (value) =>
  splitTopics(value).map((entry) => (entry.startsWith('/') ? pattern(entry) : checkTopic(entry))),
)

function checkTopic(name: string): string {
  if (TOPIC.test(name)) return name
  const hint = /[*+?|^$()[\]{}\\]/.test(name) ? `; a pattern goes between slashes: /${name.replaceAll('/', '')}/` : ''
  throw expected(`letters, digits, ".", "_" and "-" in a topic's name, where entry ${JSON.stringify(name)} is none${hint}`)
}

function pattern(entry: string): RegExp {
  const body = entry.slice(1, -1)
  if (body === '') throw expected('something between the slashes of a pattern')
  try {
    return new RegExp(body)
  } catch (error) {
    throw expected(`a regular expression between slashes (${(error as Error).message})`)
  }
}

/** Splits at commas, but for those between slashes: a pattern ends at the slash that a comma or nothing follows. */
function splitTopics(value: string): string[] {
  const found: string[] = []
  let rest = value.trim()
  while (rest !== '') {
    const entry = rest.startsWith('/') ? /^\/(?:\\.|[^\\])*?\/(?=\s*(?:,|$))/.exec(rest)?.[0] : /^[^,]*/.exec(rest)?.[0]
    if (entry === undefined)
      throw expected(
        `a slash (and then a comma or nothing) at the end of a pattern that begins with one, where ${JSON.stringify(rest)} has none`,
      )
    found.push(entry.trim())
    rest = rest.slice(entry.length).trim()
    if (rest === ',') found.push('')
    rest = rest.replace(/^,\s*/, '')
  }
  return noneEmpty(found)
}

function entries(value: string): string[] {
  return noneEmpty(value.split(',').map((entry) => entry.trim()))
}

function noneEmpty(list: readonly string[]): string[] {
  const empty = list.indexOf('')
  if (empty >= 0) throw expected(`something between the commas, where entry ${empty + 1} is empty`)
  return [...new Set(list)]
}

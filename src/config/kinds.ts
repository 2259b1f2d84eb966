import { EnvError, makeExactValidator, type OptionalValidatorSpec, type RequiredValidatorSpec } from 'envalid'
import { parseDuration } from '../lib/duration.ts'

/** What the manual says of a variable beside its name. */
export interface Description {
  /** How a value is written: `duration`, `true or false`… */
  readonly kind: string
  /** The default as one would write it; undefined where there is none. */
  readonly defaultText: string | undefined
  /** What holds where there is no fixed default. */
  readonly otherwise: string | undefined
  readonly desc: string
  /** Its value is never shown. */
  readonly isSecret: boolean
}

interface About {
  readonly desc: string
  readonly default?: string
  readonly otherwise?: string
  readonly isSecret?: boolean
}

/** Makes table entries of one kind. Without a default the value may be undefined. */
export interface Kind<T> {
  (about: About & { readonly default: string }): RequiredValidatorSpec<T> & Description
  (about: About): OptionalValidatorSpec<T> & Description
}

/**
 * A kind of value. `parse` gets the text as it is set and throws `expected(…)` for what it does not take; the
 * text itself never goes into an error, since it may be a secret. Defaults are read by it as well.
 */
export function kind<T extends NonNullable<unknown>>(name: string, parse: (text: string) => T): Kind<T> {
  const validator = makeExactValidator<T>(parse)
  const entry = ({ desc, default: text, otherwise, isSecret = false }: About) => {
    // A default that is there and undefined is envalid's way to say optional.
    const spec: { desc: string; default: undefined } = { desc, default: (text === undefined ? undefined : parse(text)) as undefined }
    return { ...validator(spec), kind: name, defaultText: text, otherwise, isSecret }
  }
  return entry as Kind<T>
}

/** The error for a value that is not `what`. */
export function expected(what: string): EnvError {
  return new EnvError(what)
}

export const text = kind('text', (value) => value.trim())

/** Kept to the letter, spaces too; but a line break is always one too many, from a file or a copied line. */
export const secret = kind('text', secretText)

/** As `cf oauth-token` prints it, or without the word in front. */
export const bearerToken = kind('token', (value) => secretText(value.trim().replace(/^bearer\s+/i, '')))

function secretText(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  if (/[\u0000-\u001f\u007f]/.test(value)) throw expected('text without line breaks or other control characters')
  return value
}

/** As Go's strconv.ParseBool. */
export const boolean = kind('true or false', (value) => {
  const word = value.trim()
  if (/^(1|t|T|TRUE|true|True)$/.test(word)) return true
  if (/^(0|f|F|FALSE|false|False)$/.test(word)) return false
  throw expected('true or false')
})

export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Kind<number> {
  const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`
  return kind(`number, ${range}`, (value) => {
    const number = /^[-+]?\d+$/.test(value.trim()) ? Number(value) : Number.NaN
    if (!(number >= min && number <= max)) throw expected(`a whole number, ${range}`)
    return number
  })
}

/** The longest that timers can wait: about 596 hours. Longer durations are taken as this. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Whole ms, rounded up. Without bounds: more than 0. */
export function duration(min?: string, max?: string): Kind<number> {
  const minMs = min === undefined ? 0 : (parseDuration(min) ?? 0)
  const maxMs = max === undefined ? Number.POSITIVE_INFINITY : (parseDuration(max) ?? 0)
  const range = max === undefined ? (min === undefined ? 'more than 0' : `${min} or more`) : `${min} to ${max}`
  return kind(max === undefined ? 'duration' : `duration, ${range}`, (value) => {
    const ms = parseDuration(value.trim())
    if (ms === undefined)
      throw expected(
        /^\s*[-+]?\d+\s*$/.test(value)
          ? `a unit behind the number, such as ${value.trim()}s or ${value.trim()}ms`
          : 'a duration such as 300ms, 1m30s or 1.5h (units: h, m, s, ms, us, ns)',
      )
    if (ms > maxMs || ms < minMs || (ms === 0 && min === undefined)) throw expected(`a duration, ${range}`)
    return Math.min(Math.ceil(ms), MAX_TIMER_MS)
  })
}

/** One of a few words, in any case. */
export function oneOf<const W extends string>(...words: readonly W[]): Kind<W> {
  const all = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
  return kind(all, (value) => {
    const word = words.find((known) => known.toLowerCase() === value.trim().toLowerCase())
    if (word === undefined) throw expected(all)
    return word
  })
}

/** One or several of a few words, in any case, each once, with commas between. */
export function listOf<const W extends string>(...words: readonly W[]): Kind<readonly W[]> {
  return kind(`list of ${words.join(', ')}`, (value) => {
    const entries = value.split(',').map((entry) => entry.trim().toLowerCase())
    return entries.map((entry, index) => {
      const word = words.find((known) => known.toLowerCase() === entry)
      if (word === undefined || entries.indexOf(entry) !== index)
        throw expected(`one or several of ${words.join(', ')}, each once, with commas between`)
      return word
    })
  })
}

import { type CleanedEnv, customCleanEnv, EnvError } from 'envalid'
import { origin, type Settings } from './environment.ts'
import { VARIABLE_NAMES, VARIABLES, type VariableName } from './variables.ts'

export type Values = Pick<CleanedEnv<typeof VARIABLES>, VariableName>

/** Every value as its type, defaults included. What cannot be read goes to `mistakes` and is undefined. */
export function readValues({ texts, services }: Settings, mistakes: string[]): Partial<Values> {
  return customCleanEnv(texts, VARIABLES, (values) => values as Partial<Values>, {
    reporter({ errors }) {
      for (const name of VARIABLE_NAMES) {
        const error = errors[name]
        if (error === undefined) continue
        // Anything but an EnvError is a bug of a parser: not for the operator to mend.
        if (!(error instanceof EnvError)) throw error
        mistakes.push(`${name}${origin(services[name])}: found ${shown(name, texts[name] ?? '')}, expected ${error.message}`)
      }
    },
  })
}

const LONGEST_SHOWN = 120

/** What was found, as far as it may be seen: secrets not at all, nor what may hold a login. */
function shown(name: VariableName, value: string): string {
  if (VARIABLES[name].isSecret) return 'a value that is not shown'
  if (value.includes('-----BEGIN')) return 'PEM text'
  if (/AGE-SECRET-KEY/i.test(value)) return 'a value with a secret key (not shown)'
  if (value.includes('@')) return 'a value with "@" (not shown: it may hold a password)'
  const place = value.includes('://') ? value.replace(/[?#].*/s, (rest) => `${rest[0]}…`) : value
  return JSON.stringify(place.length > LONGEST_SHOWN ? `${place.slice(0, LONGEST_SHOWN)}…` : place)
}

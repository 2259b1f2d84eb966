import { type CleanedEnv, customCleanEnv, EnvError } from 'envalid'
import { origin, type Settings } from './environment.ts'
import { shown } from './shown.ts'
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
        mistakes.push(
          `${name}${origin(services[name])}: found ${VARIABLES[name].isSecret ? 'a value that is not shown' : shown(texts[name] ?? '')}, expected ${error.message}`,
        )
      }
    },
  })
}

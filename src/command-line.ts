import { variablesText } from './config/manual.ts'
import { ConfigError } from './lib/errors.ts'
import { LOG_LEVELS } from './lib/log.ts'
import { nearest } from './lib/nearest.ts'
import { OUTPUT_NAMES } from './outputs/outputs.ts'

/** Options that stand for variables, to be laid over the environment: the option wins. */
type Overrides = Readonly<Record<string, string>>

/** Where a replay goes on: a line number, from 1, in `file`, or in the only one there is. */
export interface ReplayStart {
  readonly file: string | undefined
  readonly line: number
}

export type Command =
  | { readonly name: 'help' }
  | { readonly name: 'version' }
  | { readonly name: 'run'; readonly overrides: Overrides }
  | { readonly name: 'check'; readonly overrides: Overrides; readonly json: boolean }
  | { readonly name: 'replay'; readonly overrides: Overrides; readonly files: readonly string[]; readonly from: ReplayStart | undefined }
  | { readonly name: 'decrypt'; readonly identityFiles: readonly string[]; readonly objects: readonly string[] }

type CommandName = 'run' | 'check' | 'replay' | 'decrypt'

/** The command line is wrong. `command` is what it asks for nevertheless, undefined where that cannot be told. */
export class CommandLineError extends ConfigError {
  readonly command: Exclude<Command, { name: 'help' | 'version' | 'decrypt' }> | undefined

  constructor(mistakes: readonly string[], command: CommandLineError['command']) {
    super(mistakes)
    this.command = command
  }
}

interface Option {
  readonly short?: string
  /** What its value is called in the manual; undefined for a switch. */
  readonly value?: string
  /** The commands that know it; all of them where this is missing. */
  readonly of?: CommandName
  /** Whether it may be given several times. */
  readonly isRepeatable?: boolean
  readonly help: string
}

const OPTIONS: Readonly<Record<string, Option>> = {
  help: { short: 'h', help: 'This manual.' },
  version: { short: 'v', help: 'The version.' },
  'log-level': { value: 'LEVEL', help: `${LOG_LEVELS.join(' | ')}, any case; default INFO. It wins over CFMR_LOGLEVEL.` },
  json: { of: 'check', help: 'check: one JSON object a line instead of text, for scripts.' },
  output: {
    value: 'WHERE',
    of: 'replay',
    help: `replay: ${OUTPUT_NAMES.join(' | ')}, or several with commas between. It wins over CFMR_OUTPUT.`,
  },
  from: { value: 'LINE', of: 'replay', help: 'replay: go on at this line; FILE:LINE with several files (those before it are skipped).' },
  identity: {
    short: 'i',
    value: 'FILE',
    of: 'decrypt',
    isRepeatable: true,
    help: 'decrypt: a file with secret keys, as age-keygen writes it; may be given several times.',
  },
}

const COMMANDS = ['check', 'replay', 'decrypt'] as const

/**
 * What the command line (without node and script) asks for. Options may have one dash or two, their value behind `=` or as the
 * next word, and stand anywhere before `--`.
 *
 * @throws CommandLineError with every mistake.
 */
export function parseCommandLine(argv: readonly string[]): Command {
  const { options, repeated, words, mistakes } = split(argv)
  if (options.has('help')) return { name: 'help' }
  if (options.has('version')) return { name: 'version' }
  const isKnown = words[0] === undefined || COMMANDS.some((known) => known === words[0])
  const name = commandName(words, mistakes)
  for (const option of options.keys()) {
    const owner = OPTIONS[option]?.of
    if (owner !== undefined && owner !== name) mistakes.push(`--${option}: found without ${owner}, expected only with it`)
  }
  const overrides = readOverrides(options, mistakes)
  const command = name === 'decrypt' ? decryptCommand(words, repeated, mistakes) : build(name, words, options, overrides, mistakes)
  if (mistakes.length > 0) throw new CommandLineError(mistakes, isKnown && command.name !== 'decrypt' ? command : undefined)
  return command
}

interface Split {
  readonly options: ReadonlyMap<string, string>
  /** All values of those that may be given several times. */
  readonly repeated: readonly string[]
  readonly words: string[]
  readonly mistakes: string[]
}

function split(argv: readonly string[]): Split {
  const options = new Map<string, string>()
  const repeated: string[] = []
  const words: string[] = []
  const mistakes: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? ''
    if (word === '--') {
      words.push(...argv.slice(i + 1))
      break
    }
    const [, spelled, inline] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(word) ?? []
    if (spelled === undefined) {
      words.push(word)
      continue
    }
    const [name, option] = Object.entries(OPTIONS).find(([long, { short }]) => spelled === long || spelled === short) ?? []
    if (name === undefined || option === undefined) {
      mistakes.push(
        `-${spelled}: found an option that does not exist, expected one that -h lists; did you mean --${nearest(spelled, Object.keys(OPTIONS))}?`,
      )
    } else if (option.value === undefined) {
      if (inline !== undefined) mistakes.push(`--${name}: found a value, expected none`)
      options.set(name, '')
    } else {
      const value = inline ?? argv[++i]
      if (value === undefined || value === '') mistakes.push(`--${name}: found no value, expected ${option.value}`)
      else {
        options.set(name, value)
        if (option.isRepeatable) repeated.push(value)
      }
    }
  }
  return { options, repeated, words, mistakes }
}

function commandName(words: string[], mistakes: string[]): CommandName {
  if (words.length === 0) return 'run'
  const word = words.shift() ?? ''
  const command = COMMANDS.find((known) => known === word)
  if (command === undefined) {
    mistakes.push(
      `${word}: found a command that does not exist, expected check, replay, decrypt or none; did you mean ${nearest(word, COMMANDS)}?`,
    )
    return 'run'
  }
  return command
}

function readOverrides(options: ReadonlyMap<string, string>, mistakes: string[]): Overrides {
  const overrides: Record<string, string> = {}
  const take = (option: string, variable: string, allowed: readonly string[]) => {
    const value = options.get(option)
    if (value === undefined) return
    const known = allowed.find((word) => word.toLowerCase() === value.toLowerCase())
    if (known === undefined) mistakes.push(`--${option}: found ${JSON.stringify(value)}, expected ${allowed.join(', ')}`)
    else overrides[variable] = known
  }
  take('log-level', 'CFMR_LOGLEVEL', LOG_LEVELS)
  const output = options.get('output')
  const isKnown = (name: string) => OUTPUT_NAMES.includes(name.trim().toLowerCase())
  if (output?.split(',').every(isKnown) === false)
    mistakes.push(`--output: found ${JSON.stringify(output)}, expected ${OUTPUT_NAMES.join(', ')}, or several with commas between`)
  else if (output !== undefined) overrides['CFMR_OUTPUT'] = output
  return overrides
}

function decryptCommand(
  objects: readonly string[],
  identityFiles: readonly string[],
  mistakes: string[],
): Extract<Command, { name: 'decrypt' }> {
  if (identityFiles.length === 0) mistakes.push('decrypt: found no --identity, expected a file with a secret key of age')
  if (objects.length === 0) mistakes.push('decrypt: found no object, expected one or more: files, s3://BUCKET/KEY, or s3://BUCKET/PREFIX/')
  return { name: 'decrypt', identityFiles, objects }
}

function build(
  name: Exclude<CommandName, 'decrypt'>,
  words: readonly string[],
  options: ReadonlyMap<string, string>,
  overrides: Overrides,
  mistakes: string[],
): NonNullable<CommandLineError['command']> {
  if (name === 'replay') {
    if (words.length === 0) mistakes.push('replay: found no file, expected one or more; - is stdin')
    if (words.filter((word) => word === '-').length > 1)
      mistakes.push('-: found more than once, expected once: stdin can be read only once')
    return { name, overrides, files: words, from: readFrom(options.get('from'), words, mistakes) }
  }
  for (const word of words) mistakes.push(`${word}: found behind ${name}, expected nothing`)
  return name === 'check' ? { name, overrides, json: options.has('json') } : { name, overrides }
}

function readFrom(text: string | undefined, files: readonly string[], mistakes: string[]): ReplayStart | undefined {
  if (text === undefined) return undefined
  const [, file, digits] = /^(?:(.+):)?(\d+)$/s.exec(text) ?? []
  const line = Number(digits)
  if (!(line >= 1 && line <= Number.MAX_SAFE_INTEGER))
    mistakes.push(`--from: found ${JSON.stringify(text)}, expected LINE or FILE:LINE, lines counted from 1`)
  else if (file === undefined && files.length > 1)
    mistakes.push(`--from: found ${JSON.stringify(text)}, expected FILE:LINE, as there are several files`)
  else if (file !== undefined && !files.includes(file))
    mistakes.push(`--from: found ${JSON.stringify(text)}, expected one of the files: ${files.join(', ')}`)
  return { file, line }
}

const USAGE = `Reads Cloud Foundry's application events from Kafka, enriches them with metadata and writes them to InfluxDB.
An offset is committed only once its point is stored.

  cf-metrics-refinery [options]                 run the worker
  cf-metrics-refinery check [options]           try the configuration against the real Kafka, UAA/CC and InfluxDB
  cf-metrics-refinery replay [options] FILE…    the same pipeline from files of envelopes, one a line (.gz too; - is stdin)
  cf-metrics-refinery decrypt --identity FILE OBJECT…
                                                print the documents of objects of the output s3, each event once: files,
                                                s3://BUCKET/KEY, or s3://BUCKET/PREFIX/ (reached by the variables CFMR_S3_…)
`

const NOTES = `Exit status: 0 ended as asked; 1 could not go on, nothing lost (decrypt: an object could not
be read, and is named); 2 wrong configuration or command line.

The configuration comes from the environment; what is not there, from the credentials of user-provided services
in VCAP_SERVICES whose keys start with CFMR_. An empty value is an unset one. Durations are Go's (300ms, 1m30s, 1.5h);
the longest a timer can wait is 596h.
`

/** The manual. */
export function helpText(): string {
  const options = Object.entries(OPTIONS).map(([name, { short, value, help }]) => {
    const spelling = `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`
    return `  ${spelling.padEnd(20)}  ${help}`
  })
  return `${USAGE}\nOptions (one dash or two):\n${options.join('\n')}\n\n${NOTES}\n${variablesText()}\n`
}

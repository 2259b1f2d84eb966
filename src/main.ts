#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import type { Logger } from 'pino'
import { check } from './check/check.ts'
import { type Command, CommandLineError, helpText, parseCommandLine } from './command-line.ts'
import { type Config, readConfig } from './config/config.ts'
import { readS3Access } from './config/s3-access.ts'
import { ConfigError } from './lib/errors.ts'
import { createLog, lastWords } from './lib/log.ts'
import { decrypt, NobodyReads } from './outputs/s3/decrypt.ts'
import { replay } from './run/replay.ts'
import { metadataSource } from './run/stages.ts'
import { Worker } from './run/worker.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

/** How long the end waits for a reader of the log. */
const LAST_WORDS_MS = 1000

process.exitCode = await main()
process.exit()

/** Resolves to the exit status: 0 ended as asked, 1 could not go on, 2 wrong configuration or command line. */
async function main(): Promise<0 | 1 | 2> {
  try {
    const command = parseCommandLine(process.argv.slice(2))
    if (command.name === 'help') return print(helpText())
    if (command.name === 'version') return print(`${version}\n`)
    return await (command.name === 'decrypt' ? startDecrypt(command) : start(command))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const mistake of [...error.mistakes, ...furtherMistakes(error)]) process.stderr.write(`cf-metrics-refinery: ${mistake}\n`)
    return 2
  }
}

/** Who has mistyped an option should not learn only the next time that the configuration is wrong, too. */
function furtherMistakes(error: ConfigError): readonly string[] {
  if (!(error instanceof CommandLineError) || error.command === undefined) return []
  const { name, overrides } = error.command
  try {
    readConfig({ ...process.env, ...overrides }, name)
    return []
  } catch (further) {
    if (further instanceof ConfigError) return further.mistakes
    throw further
  }
}

async function start(command: Extract<Command, { overrides: object }>): Promise<0 | 1> {
  const config = readConfig({ ...process.env, ...command.overrides }, command.name)
  if (command.name === 'check') return startCheck(config, command.json)
  const log = createLog({
    level: config.logLevel,
    destination: config.outputs.some(({ name }) => name === 'stdout') || command.name === 'replay' ? 'stderr' : 'stdout',
    secrets: config.secrets,
  })
  endOnBugs(log)
  for (const warning of config.warnings) log.warn(warning)
  try {
    return await (command.name === 'replay' ? startReplay(command, config, log) : startWorker(config, log))
  } finally {
    await lastWords(log, LAST_WORDS_MS)
  }
}

/** Prints documents and nothing else; what it says goes to stderr. */
async function startDecrypt({ identityFiles, objects }: Extract<Command, { name: 'decrypt' }>): Promise<0 | 1> {
  const stop = new AbortController()
  onSignal(() => stop.abort())
  let redact = (text: string) => text
  const access = () => {
    const { secrets, ...reached } = readS3Access(process.env)
    redact = secrets.redact
    return reached
  }
  const complain = (line: string) => process.stderr.write(`cf-metrics-refinery: ${redact(line)}\n`)
  const write = (documents: Uint8Array) =>
    new Promise<void>((resolve, reject) => {
      process.stdout.write(documents, (error) => (error ? reject(new NobodyReads()) : resolve()))
    })
  // It is the write's callback that tells.
  process.stdout.on('error', () => {})
  try {
    return await decrypt({ identityFiles, objects, access, write, complain, signal: stop.signal })
  } catch (error) {
    if (error instanceof NobodyReads || stop.signal.aborted) return 1
    throw error
  }
}

/** The findings are its only words: what the parts would log is in them. */
async function startCheck(config: Config, json: boolean): Promise<0 | 1> {
  const stop = new AbortController()
  onSignal(() => stop.abort())
  const log = createLog({ level: config.logLevel, destination: 'stderr', secrets: config.secrets })
  log.level = 'silent'
  const print = (line: string) => process.stdout.write(`${line}\n`)
  return (await check({ config, source: metadataSource(config, log), json, print, log }, stop.signal)) ? 0 : 1
}

function startWorker(config: Config, log: Logger): Promise<0 | 1> {
  log.info({ version, node: process.version, instanceIndex: config.instanceIndex }, 'cf-metrics-refinery starts')
  const worker = new Worker({ config, version, log })
  onSignal((signal) => worker.stop(signal))
  return worker.run()
}

async function startReplay(command: Extract<Command, { name: 'replay' }>, config: Config, log: Logger): Promise<0 | 1> {
  const stop = new AbortController()
  onSignal(() => stop.abort())
  try {
    return await replay({ config, files: command.files, from: command.from, log, stop: stop.signal })
  } catch (error) {
    if (error instanceof ConfigError) throw error
    log.error({ error }, 'Cannot go on')
    return 1
  }
}

/** The first signal ends in order, the second at once. */
function onSignal(end: (signal: NodeJS.Signals) => void): void {
  let isEnding = false
  const receive = (signal: NodeJS.Signals) => {
    if (isEnding) process.exit(1)
    isEnding = true
    end(signal)
  }
  process.on('SIGTERM', receive)
  process.on('SIGINT', receive)
}

/** A state that nobody foresaw is left by ending: what is not committed is read again. */
function endOnBugs(log: Logger): void {
  const end = (err: unknown) => {
    log.error({ err }, 'A bug: ending at once; what is not committed is read again, so nothing is lost. Please report this line')
    // At once where somebody reads the log: then the line is out by now.
    void lastWords(log, LAST_WORDS_MS / 4).finally(() => process.exit(1))
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}

function print(text: string): 0 {
  process.stdout.write(text)
  return 0
}

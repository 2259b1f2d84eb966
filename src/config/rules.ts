import { createPrivateKey, X509Certificate } from 'node:crypto'
import { INPUTS } from '../inputs/inputs.ts'
import { OUTPUTS } from '../outputs/outputs.ts'
import { pair } from './ends.ts'
import type { Values } from './values.ts'
import type { VariableName } from './variables.ts'

/** What belongs to the connection to Kafka. */
const CONNECTION = [
  'CFMR_KAFKA_BROKERS',
  'CFMR_KAFKA_SSL',
  'CFMR_KAFKA_SSLCA',
  'CFMR_KAFKA_SSLCERT',
  'CFMR_KAFKA_SSLKEY',
  'CFMR_KAFKA_SKIPSSLVALIDATION',
  'CFMR_KAFKA_SASLMECHANISM',
  'CFMR_KAFKA_SASLUSERNAME',
  'CFMR_KAFKA_SASLPASSWORD',
  'CFMR_KAFKA_CLIENTID',
] as const

/** `replay` needs no Kafka. */
export type Mode = 'run' | 'check' | 'replay'

export interface Rules {
  readonly mode: Mode
  /** Undefined also where the value was a mistake. */
  readonly values: Partial<Values>
  readonly isSet: (name: VariableName) => boolean
  /** DOCKER_HOST, as the shell of whoever uses Docker has it; undefined where it is not set. */
  readonly dockerHost: string | undefined
}

/** What is wrong with values that are right one by one: what is missing, and what does not go together. */
export function ruleMistakes(rules: Rules): string[] {
  return [
    ...required(rules),
    ...kafka(rules),
    ...inputs(rules),
    ...state(rules),
    ...cloudFoundry(rules),
    ...outputs(rules),
    ...aliases(rules),
    ...server(rules),
  ]
}

/** The inputs that CFMR_INPUT names, in its order; `replay` reads files instead. */
export function chosenInputs({ mode, values }: Pick<Rules, 'mode' | 'values'>): (typeof INPUTS)[number][] {
  return mode === 'replay' ? [] : (values.CFMR_INPUT ?? []).flatMap((name) => INPUTS.filter((end) => end.name === name))
}

function* required(rules: Rules): Generator<string> {
  if (needsCloudController(rules) && !rules.isSet('CFMR_CF_API')) {
    yield 'CFMR_CF_API: not set, expected the URL of the Cloud Controller API, or file:PATH'
  }
}

/** What chosen inputs lack, and what is set of one that is not. */
function* inputs(rules: Rules): Generator<string> {
  const { mode, values, isSet, dockerHost } = rules
  const chosen = chosenInputs(rules)
  const common = { kafka: commonKafka(rules) as never, isApiFile: isApiFile(rules), hasToken: isSet('CFMR_CF_TOKEN'), dockerHost }
  for (const { mistakes } of chosen) yield* mistakes({ values, isSet: isSet as never }, common)
  if (mode !== 'replay' && values.CFMR_INPUT !== undefined) yield* foreign(INPUTS, values.CFMR_INPUT, 'CFMR_INPUT', 'inputs', isSet)
}

function isApiFile({ values }: Rules): boolean {
  return values.CFMR_CF_API !== undefined && 'file' in values.CFMR_CF_API
}

function* state(rules: Rules): Generator<string> {
  const isKept =
    rules.mode === 'replay' || rules.values.CFMR_INPUT === undefined || chosenInputs(rules).some(({ keepsState }) => keepsState)
  const keeping = INPUTS.filter(({ keepsState }) => keepsState).map(({ name }) => name)
  if (rules.isSet('CFMR_STATE') && !isKept) yield `CFMR_STATE: found a value, expected none without ${keeping.join(' or ')} in CFMR_INPUT`
}

function needsCloudController(rules: Rules): boolean {
  return rules.mode === 'replay' || rules.values.CFMR_INPUT === undefined || chosenInputs(rules).some((end) => end.needsCloudController)
}

/** What is set of ends that are not chosen. */
function* foreign(
  ends: readonly { readonly name: string; readonly variables: object }[],
  chosen: readonly string[],
  list: string,
  ofWhich: string,
  isSet: Rules['isSet'],
): Generator<string> {
  for (const { name, variables } of ends) {
    if (chosen.includes(name)) continue
    for (const variable of Object.keys(variables) as VariableName[]) {
      if (isSet(variable)) yield `${variable}: found a value without ${name} in ${list}, expected none, or ${name} among the ${ofWhich}`
    }
  }
}

function commonKafka(rules: Rules) {
  const { values } = rules
  return {
    topics: chosenInputs(rules).some(({ name }) => name === 'kafka') ? (values.CFMR_KAFKA_TOPICS ?? []) : [],
    deadLetterTopic: values.CFMR_KAFKA_DEADLETTERTOPIC,
    brokers: values.CFMR_KAFKA_BROKERS ?? [],
  }
}

/** How Kafka is reached: by an input, by dead letters, or by an output without brokers of its own. */
function* kafka(rules: Rules): Generator<string> {
  const { mode, values, isSet } = rules
  const isInput = chosenInputs(rules).some(({ name }) => name === 'kafka')
  const isBorrowed = values.CFMR_OUTPUT?.includes('kafka') === true && !isSet('CFMR_KAFKAOUTPUT_BROKERS')
  const isUsed = isInput || isBorrowed || isSet('CFMR_KAFKA_DEADLETTERTOPIC')
  if (mode !== 'replay' && values.CFMR_INPUT !== undefined && values.CFMR_OUTPUT !== undefined) {
    if (!isUsed) {
      for (const name of CONNECTION) {
        if (isSet(name)) yield `${name}: found a value, expected none where neither an input, an output nor dead letters use this Kafka`
      }
    } else if (!isSet('CFMR_KAFKA_BROKERS')) {
      if (isInput) yield 'CFMR_KAFKA_BROKERS: not set, expected a list of host:port'
      else if (isBorrowed) yield 'CFMR_KAFKAOUTPUT_BROKERS: not set, expected a list of host:port, since no input has brokers'
      else yield 'CFMR_KAFKA_BROKERS: not set, expected a list of host:port with CFMR_KAFKA_DEADLETTERTOPIC'
    }
  }
  if (values.CFMR_KAFKA_SSL === false) {
    for (const name of ['CFMR_KAFKA_SSLCA', 'CFMR_KAFKA_SSLCERT', 'CFMR_KAFKA_SSLKEY'] as const) {
      if (isSet(name)) yield `${name}: found a value, expected none without CFMR_KAFKA_SSL=true`
    }
    if (values.CFMR_KAFKA_SKIPSSLVALIDATION) yield 'CFMR_KAFKA_SKIPSSLVALIDATION: found true, expected false without CFMR_KAFKA_SSL=true'
  }
  yield* pair(isSet, 'CFMR_KAFKA_SSLCERT', 'CFMR_KAFKA_SSLKEY')
  const { CFMR_KAFKA_SSLCERT: certificate, CFMR_KAFKA_SSLKEY: key } = values
  if (certificate !== undefined && key !== undefined && !belongsTo(key, certificate)) {
    yield 'CFMR_KAFKA_SSLKEY: found a key (not shown) of something else, expected the private key of CFMR_KAFKA_SSLCERT'
  }
  if (isSet('CFMR_KAFKA_SASLMECHANISM')) {
    for (const name of ['CFMR_KAFKA_SASLUSERNAME', 'CFMR_KAFKA_SASLPASSWORD'] as const) {
      if (!isSet(name)) yield `${name}: not set, expected a value with CFMR_KAFKA_SASLMECHANISM`
    }
  } else if (isSet('CFMR_KAFKA_SASLUSERNAME') || isSet('CFMR_KAFKA_SASLPASSWORD')) {
    yield 'CFMR_KAFKA_SASLMECHANISM: not set, expected plain, scram-sha-256 or scram-sha-512 with CFMR_KAFKA_SASLUSERNAME and CFMR_KAFKA_SASLPASSWORD'
  }
}

function belongsTo(keyPem: string, certificatePem: string): boolean {
  return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem))
}

function* cloudFoundry(rules: Rules): Generator<string> {
  const { values, isSet } = rules
  const pages = values.CFMR_CF_RESULTSPERPAGE
  if (values.CFMR_CF_APIVERSION === 'v2' && pages !== undefined && pages > 100) {
    yield `CFMR_CF_RESULTSPERPAGE: found ${pages}, expected 1 to 100 with CFMR_CF_APIVERSION=v2`
  }
  yield* pair(isSet, 'CFMR_CF_USER', 'CFMR_CF_PASSWORD')
  const isUser = isSet('CFMR_CF_USER') || isSet('CFMR_CF_PASSWORD')
  if (isSet('CFMR_CF_CLIENTSECRET') && !isSet('CFMR_CF_CLIENTID')) {
    yield 'CFMR_CF_CLIENTID: not set, expected the client that CFMR_CF_CLIENTSECRET belongs to'
  } else if (isSet('CFMR_CF_CLIENTID') && !isSet('CFMR_CF_CLIENTSECRET') && !isUser && !isSet('CFMR_CF_TOKEN')) {
    yield 'CFMR_CF_CLIENTSECRET: not set, expected the secret of CFMR_CF_CLIENTID (or CFMR_CF_USER and CFMR_CF_PASSWORD beside it)'
  }
  const hasLogin = isUser || isSet('CFMR_CF_CLIENTID') || isSet('CFMR_CF_CLIENTSECRET') || isSet('CFMR_CF_TOKEN')
  if (needsCloudController(rules) && !isApiFile(rules) && !hasLogin) {
    yield 'CFMR_CF_USER: not set, expected one way to log in: CFMR_CF_USER and CFMR_CF_PASSWORD, or CFMR_CF_CLIENTID and CFMR_CF_CLIENTSECRET, or CFMR_CF_TOKEN'
  }
}

/** Each chosen output says what it lacks, and nothing may be set of one that is not; `replay` may have been told to write elsewhere than the worker does. */
function* outputs(rules: Rules): Generator<string> {
  const { mode, values, isSet } = rules
  const chosen = values.CFMR_OUTPUT ?? []
  const withoutEnvelopes = chosenInputs(rules).filter(({ hasEnvelopes }) => !hasEnvelopes)
  const common = { kafka: commonKafka(rules) as never, inputsWithoutEnvelopes: withoutEnvelopes.map((end) => end.name) }
  for (const { name, mistakes } of OUTPUTS) if (chosen.includes(name)) yield* mistakes({ values, isSet: isSet as never }, common)
  if (mode !== 'replay' && chosen.length > 0) yield* foreign(OUTPUTS, chosen, 'CFMR_OUTPUT', 'outputs', isSet)
}

/** Names that mean the same. */
const ALIASES = [
  ['CFMR_MAXINFLIGHT', 'CFMR_KAFKA_MAXINFLIGHT'],
  ['CFMR_MAXINFLIGHTBYTES', 'CFMR_KAFKA_MAXINFLIGHTBYTES'],
  ['CFMR_PROCESSINGTIMEOUT', 'CFMR_KAFKA_PROCESSINGTIMEOUT'],
] as const

function* aliases({ isSet }: Rules): Generator<string> {
  for (const [name, alias] of ALIASES) {
    if (isSet(name) && isSet(alias)) yield `${alias}: found a value beside ${name}, expected one of the two: they are names of the same`
  }
}

function* server({ values, isSet }: Rules): Generator<string> {
  if (values.CFMR_SERVER_PROFILING && !isSet('CFMR_SERVER_PASSWORD')) {
    yield 'CFMR_SERVER_PASSWORD: not set, expected one with CFMR_SERVER_PROFILING=true: a profile is not for everybody'
  } else if (isSet('CFMR_SERVER_USERNAME') && !isSet('CFMR_SERVER_PASSWORD')) {
    yield 'CFMR_SERVER_PASSWORD: not set, expected one with CFMR_SERVER_USERNAME: without it nothing asks for a login'
  }
  if (values.CFMR_SERVER_USERNAME?.includes(':'))
    yield 'CFMR_SERVER_USERNAME: found a name with a colon, expected one without: HTTP basic cannot carry it'
}

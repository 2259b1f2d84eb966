import { ConfigError } from '../lib/errors.ts'
import { Secrets } from '../lib/secrets.ts'
import { OUTPUTS } from '../outputs/outputs.ts'
import type { Common } from './ends.ts'
import { type Environment, readSettings } from './environment.ts'
import { type Platform, readPlatform } from './platform.ts'
import { chosenInputs, type Mode, type Rules, ruleMistakes } from './rules.ts'
import { readValues, type Values } from './values.ts'
import { VARIABLE_NAMES, VARIABLES, type VariableName } from './variables.ts'

export type { Mode } from './rules.ts'

export type Config = Readonly<ReturnType<typeof assemble>>

/**
 * The configuration, from the environment and from VCAP_SERVICES.
 *
 * @throws ConfigError with every mistake there is, a line each: variable, what was found (never a secret), what is expected.
 */
export function readConfig(env: Environment, mode: Mode): Config {
  const mistakes: string[] = []
  const settings = readSettings(env, mistakes)
  const values = readValues(settings, mistakes)
  const isSet = (name: VariableName) => settings.texts[name] !== undefined
  const rules = { mode, values, isSet, dockerHost: env['DOCKER_HOST']?.trim() || undefined }
  mistakes.push(...ruleMistakes(rules))
  const platform = readPlatform(env, rules, mistakes)
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  const secrets = VARIABLE_NAMES.filter((name) => VARIABLES[name].isSecret).flatMap((name) => settings.texts[name] ?? [])
  return assemble({ ...rules, values: values as Values }, platform, new Secrets(secrets))
}

/** Undefined in here means not set; what a mode does not need may be undefined or empty, whatever its type. */
function assemble({ mode, values: v, isSet, dockerHost }: Rules & { readonly values: Values }, platform: Platform, secrets: Secrets) {
  const instance = platform.instanceIndex
  const file = v.CFMR_CF_API !== undefined && 'file' in v.CFMR_CF_API ? v.CFMR_CF_API.file : undefined
  const inputs = chosenInputs({ mode, values: v })
  const isRepeatable = inputs.every(({ acknowledged }) => acknowledged)
  const kafka = {
    brokers: v.CFMR_KAFKA_BROKERS ?? [],
    topics: inputs.some(({ name }) => name === 'kafka') ? (v.CFMR_KAFKA_TOPICS ?? []) : [],
    ssl: v.CFMR_KAFKA_SSL,
    /** The three as PEM text. */
    sslCa: v.CFMR_KAFKA_SSLCA,
    sslCert: v.CFMR_KAFKA_SSLCERT,
    sslKey: v.CFMR_KAFKA_SSLKEY,
    skipSslValidation: v.CFMR_KAFKA_SKIPSSLVALIDATION,
    trusted: platform.trusted,
    saslMechanism: v.CFMR_KAFKA_SASLMECHANISM,
    saslUsername: v.CFMR_KAFKA_SASLUSERNAME,
    saslPassword: v.CFMR_KAFKA_SASLPASSWORD,
    deadLetterTopic: v.CFMR_KAFKA_DEADLETTERTOPIC,
    clientId: v.CFMR_KAFKA_CLIENTID ?? `cf-metrics-refinery-${instance}`,
  }
  const cf = {
    /** Without a slash at its end; empty where `file` is set. */
    api: v.CFMR_CF_API !== undefined && 'url' in v.CFMR_CF_API ? v.CFMR_CF_API.url : '',
    /** The path of the file that stands in for Cloud Controller. */
    file,
    user: v.CFMR_CF_USER,
    password: v.CFMR_CF_PASSWORD,
    clientId: v.CFMR_CF_CLIENTID,
    clientSecret: v.CFMR_CF_CLIENTSECRET,
    token: v.CFMR_CF_TOKEN,
    apiVersion: v.CFMR_CF_APIVERSION,
    timeoutMs: v.CFMR_CF_TIMEOUT,
    retries: v.CFMR_CF_RETRIES,
    skipSslValidation: v.CFMR_CF_SKIPSSLVALIDATION,
    trusted: platform.trusted,
    resultsPerPage: v.CFMR_CF_RESULTSPERPAGE ?? (v.CFMR_CF_APIVERSION === 'v2' ? 100 : 500),
  }
  const common: Common = {
    cf: { ...cf, secrets },
    trusted: platform.trusted,
    instanceIndex: instance,
    kafka,
    stateFolder: v.CFMR_STATE,
    dockerHost,
    documentMaxBytes: v.CFMR_DOCUMENT_MAXBYTES,
    batcher: {
      flushIntervalMs: v.CFMR_BATCHER_FLUSHINTERVAL,
      flushMessages: v.CFMR_BATCHER_FLUSHMESSAGES,
      flushRetries: isRepeatable || isSet('CFMR_BATCHER_FLUSHRETRIES') ? v.CFMR_BATCHER_FLUSHRETRIES : -1,
    },
    limits: {
      maxInFlight: v.CFMR_KAFKA_MAXINFLIGHT ?? v.CFMR_MAXINFLIGHT,
      maxInFlightBytes: v.CFMR_KAFKA_MAXINFLIGHTBYTES ?? v.CFMR_MAXINFLIGHTBYTES,
      processingTimeoutMs: v.CFMR_KAFKA_PROCESSINGTIMEOUT ?? v.CFMR_PROCESSINGTIMEOUT,
    },
  }
  return {
    kafka,
    limits: common.limits,
    cf,
    metadata: {
      refreshMs: v.CFMR_METADATAREFRESH,
      expireMs: v.CFMR_METADATAEXPIRE,
      expireCheckMs: v.CFMR_METADATAEXPIRECHECK,
      cacheSize: v.CFMR_METADATACACHESIZE,
      negativeExpireMs: v.CFMR_NEGATIVECACHEEXPIRE,
      negativeExpireCheckMs: v.CFMR_NEGATIVECACHEEXPIRECHECK,
      negativeCacheSize: v.CFMR_NEGATIVECACHESIZE,
      notFound: v.CFMR_NOTFOUND,
    },
    /** Whether anything asks Cloud Controller. */
    needsCloudController: mode === 'replay' || inputs.some(({ needsCloudController }) => needsCloudController),
    /** Undefined: each input has its own default. */
    httpPeer: isSet('CFMR_HTTPPEER') ? v.CFMR_HTTPPEER : undefined,
    /** As they are chosen; none for `replay`, which reads files. */
    inputs: inputs.map((end) => end.configure(v as never, common)),
    /** As they are chosen. */
    outputs: v.CFMR_OUTPUT.flatMap((name) => OUTPUTS.filter((end) => end.name === name)).map((end) => end.configure(v as never, common)),
    batcher: common.batcher,
    server: {
      port: platform.port,
      username: v.CFMR_SERVER_USERNAME ?? 'cfmr',
      password: v.CFMR_SERVER_PASSWORD,
      profiling: v.CFMR_SERVER_PROFILING,
    },
    logLevel: v.CFMR_LOGLEVEL,
    instanceIndex: instance,
    /** For the log at the start, at WARN. */
    warnings: platform.warnings,
    /** What must never be seen in a log. */
    secrets,
  }
}

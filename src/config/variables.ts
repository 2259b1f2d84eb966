import { INPUT_NAMES, INPUT_VARIABLES, INPUTS } from '../inputs/inputs.ts'
import { LOG_LEVELS } from '../lib/log.ts'
import { OUTPUT_NAMES, OUTPUT_VARIABLES, OUTPUTS } from '../outputs/outputs.ts'
import { brokers, topic } from './kafka-kinds.ts'
import { bearerToken, boolean, type Description, duration, integer, listOf, oneOf, secret, text } from './kinds.ts'
import { certificates, privateKey } from './pem-kinds.ts'
import { apiUrl } from './url-kinds.ts'

const KAFKA = {
  CFMR_KAFKA_BROKERS: brokers({ desc: 'Brokers to start from.', otherwise: 'required by what uses Kafka' }),
  CFMR_KAFKA_PROCESSINGTIMEOUT: duration()({ desc: 'Another name of CFMR_PROCESSINGTIMEOUT.' }),
  CFMR_KAFKA_SSL: boolean({ desc: 'TLS to the brokers.', default: 'false' }),
  CFMR_KAFKA_SSLCA: certificates({ desc: "Certificate authority of the brokers; without it, Node's own list." }),
  CFMR_KAFKA_SSLCERT: certificates({ desc: 'Client certificate.' }),
  CFMR_KAFKA_SSLKEY: privateKey({ desc: 'Its private key, without a passphrase.', isSecret: true }),
  CFMR_KAFKA_SKIPSSLVALIDATION: boolean({ desc: 'Accept any certificate from a broker.', default: 'false' }),
  CFMR_KAFKA_SASLMECHANISM: oneOf('plain', 'scram-sha-256', 'scram-sha-512')({ desc: 'How to log in to Kafka.', otherwise: 'no login' }),
  CFMR_KAFKA_SASLUSERNAME: text({ desc: 'User for it.' }),
  CFMR_KAFKA_SASLPASSWORD: secret({ desc: 'Password for it.', isSecret: true }),
  CFMR_KAFKA_MAXINFLIGHT: integer(1)({ desc: 'Another name of CFMR_MAXINFLIGHT.' }),
  CFMR_KAFKA_MAXINFLIGHTBYTES: integer(1)({ desc: 'Another name of CFMR_MAXINFLIGHTBYTES.' }),
  CFMR_KAFKA_DEADLETTERTOPIC: topic({
    desc: 'Where undecodable messages and refused points go. Without it they are logged and counted.',
    otherwise: 'none',
  }),
  CFMR_KAFKA_CLIENTID: text({
    desc: "The name that Kafka's own logs and quotas know this by.",
    otherwise: 'cf-metrics-refinery- and the instance index',
  }),
}

const CLOUD_FOUNDRY = {
  CFMR_CF_API: apiUrl({
    desc: 'Cloud Controller API. file:PATH reads a JSON array of {app, app_guid, space, space_guid, org, org_guid} instead.',
    otherwise: 'required by inputs from Cloud Foundry',
  }),
  CFMR_CF_USER: text({
    desc: 'User that may see all apps (global auditor or admin read-only), and for the firehose everything (logs.admin).',
    otherwise: 'one login is required',
  }),
  CFMR_CF_PASSWORD: secret({ desc: 'Password of that user.', isSecret: true }),
  CFMR_CF_CLIENTID: text({
    desc: 'UAA client: alone for the client_credentials grant, with a user for the password grant.',
    otherwise: 'cf',
  }),
  CFMR_CF_CLIENTSECRET: secret({ desc: 'Secret of that client.', isSecret: true }),
  CFMR_CF_TOKEN: bearerToken({ desc: 'A ready bearer token.', isSecret: true }),
  CFMR_CF_APIVERSION: oneOf('v3', 'v2')({ desc: 'v2 is for foundations older than CC v3.', default: 'v3' }),
  CFMR_CF_TIMEOUT: duration()({ desc: 'Time for one request.', default: '1m' }),
  CFMR_CF_RETRIES: integer(0, 1000)({ desc: 'Further tries of one request.', default: '2' }),
  CFMR_CF_SKIPSSLVALIDATION: boolean({ desc: "Accept any certificate from CC, UAA and the firehose's gateway.", default: 'false' }),
  CFMR_CF_RESULTSPERPAGE: integer(1, 5000)({ desc: 'Apps a page when all are fetched.', otherwise: '500 (v2: 100, the most there)' }),
}

const METADATA = {
  CFMR_METADATAREFRESH: duration()({ desc: 'How often all metadata is fetched afresh (±10 %).', default: '10m' }),
  CFMR_METADATAEXPIRE: duration()({ desc: 'An app not used for this long is dropped.', default: '3m' }),
  CFMR_METADATAEXPIRECHECK: duration()({ desc: 'How often to look for such apps.', default: '1m' }),
  CFMR_METADATACACHESIZE: integer(1, 10_000_000)({ desc: 'Apps kept.', default: '100000' }),
  CFMR_NEGATIVECACHEEXPIRE: duration()({ desc: 'How long CC is believed that an app does not exist.', default: '20m' }),
  CFMR_NEGATIVECACHEEXPIRECHECK: duration()({ desc: 'How often to look for such entries that are too old.', default: '3m' }),
  CFMR_NEGATIVECACHESIZE: integer(1, 10_000_000)({ desc: 'Such entries kept.', default: '100000' }),
  CFMR_HTTPPEER: oneOf(
    'both',
    'client',
    'server',
  )({
    desc: 'The router reports a request as its caller saw it (server) and each attempt at a backend (client): which become points. The others are discarded. Of the firehose it is server unless set.',
    default: 'both',
  }),
  CFMR_NOTFOUND: oneOf(
    'discard',
    'write',
  )({
    desc: 'Events of an app that does not exist: discard them, or write them with app_guid alone.',
    default: 'discard',
  }),
}

const INPUT = {
  CFMR_INPUT: listOf(...INPUT_NAMES)({ desc: 'Where events come from: one or several.', default: 'kafka' }),
  CFMR_STATE: text({
    desc: 'A folder in which docker keeps how far each log is settled, so that after a restart nothing is missing. It must outlive the process.',
    otherwise: 'nothing is kept',
  }),
}

const OUTPUT = {
  CFMR_OUTPUT: listOf(...OUTPUT_NAMES)({ desc: 'Where events go: one or several.', default: 'influxdb' }),
  CFMR_DOCUMENT_MAXBYTES: integer(
    16,
    64 * 2 ** 20,
  )({ desc: 'A message longer than this, in bytes of UTF-8, is cut in documents, and marked.', default: '262144' }),
}

const LIMITS = {
  CFMR_MAXINFLIGHT: integer(1)({
    desc: 'Messages read and not yet settled, of each input; reading pauses at this many, and of the firehose the oldest are dropped.',
    default: '100000',
  }),
  CFMR_MAXINFLIGHTBYTES: integer(1)({
    desc: 'Bytes of such messages, and of what s3 keeps of them; reading pauses at this many, and of the firehose the oldest are dropped.',
    default: '33554432',
  }),
  CFMR_PROCESSINGTIMEOUT: duration()({
    desc: 'How long a stop or a rebalance waits for what is in flight to be written and committed. Cloud Foundry kills 10 s after SIGTERM.',
    default: '8s',
  }),
}

const BATCHER = {
  CFMR_BATCHER_FLUSHINTERVAL: duration()({ desc: 'A batch is never older than this.', default: '3s' }),
  CFMR_BATCHER_FLUSHMESSAGES: integer(1, 1_000_000)({ desc: 'Points in a batch.', default: '5000' }),
  CFMR_BATCHER_FLUSHRETRIES: integer(
    -1,
    1_000_000,
  )({
    desc: 'Further tries of one batch, after 1, 2, 4 … at most 30 s; then the process ends with status 1. -1, the default where an input cannot read again: never give up.',
    default: '3',
  }),
}

const PROCESS = {
  CFMR_SERVER_PORT: integer(
    0,
    65_535,
  )({ desc: 'Port of the HTTP server for looking inside; 0 takes a free one and logs it.', otherwise: '$PORT, else 8080' }),
  CFMR_SERVER_USERNAME: text({ desc: 'User for the HTTP server.', otherwise: 'cfmr' }),
  CFMR_SERVER_PASSWORD: secret({
    desc: 'With a password, everything but /healthz and /readyz asks for it.',
    isSecret: true,
    otherwise: 'none',
  }),
  CFMR_SERVER_PROFILING: boolean({ desc: 'GET /debug/cpuprofile; refused without a password.', default: 'false' }),
  CFMR_LOGLEVEL: oneOf(...LOG_LEVELS)({ desc: 'The option -log-level wins.', default: 'INFO' }),
}

/** Every variable there is. Types, parsing, the manual and the README's table are all made from this. */
export const VARIABLES = {
  ...INPUT,
  ...INPUT_VARIABLES,
  ...KAFKA,
  ...CLOUD_FOUNDRY,
  ...METADATA,
  ...OUTPUT,
  ...OUTPUT_VARIABLES,
  ...LIMITS,
  ...BATCHER,
  ...PROCESS,
}

export type VariableName = keyof typeof VARIABLES

export const VARIABLE_NAMES = Object.keys(VARIABLES) as VariableName[]

/** The same in the manual's order. */
export const VARIABLE_GROUPS: readonly { readonly title: string; readonly variables: Readonly<Record<string, Description>> }[] = [
  { title: 'Input', variables: INPUT },
  ...titled(INPUTS),
  { title: 'Kafka', variables: KAFKA },
  { title: 'Cloud Foundry', variables: CLOUD_FOUNDRY },
  { title: 'Metadata', variables: METADATA },
  { title: 'Output', variables: OUTPUT },
  ...titled(OUTPUTS),
  { title: 'Limits', variables: LIMITS },
  { title: 'Batches', variables: BATCHER },
  { title: 'Server and log', variables: PROCESS },
]

function titled(ends: readonly { readonly title: string; readonly variables: Readonly<Record<string, Description>> }[]) {
  return ends.map(({ title, variables }) => ({ title, variables })).filter(({ variables }) => Object.keys(variables).length > 0)
}
